SELECT m.Component, m.Version, m.Name, m.Checksum, m.MinBinary FROM Platform.Migration AS m ORDER BY m.Component, m.Version;

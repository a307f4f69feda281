INSERT INTO Platform.Migration (Component, Version, Name, Checksum, MinBinary) VALUES (@P1, @P2, @P3, @P4, @P5);

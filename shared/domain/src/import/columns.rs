//! The header row: which of its columns we read, in whatever order they stand.

use std::fmt;

/// A column that is read. Shopify writes many more; see [`Columns::ignored`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the column whose name `name` gives")]
pub enum Column {
    Handle,
    Title,
    BodyHtml,
    Vendor,
    ProductCategory,
    Type,
    Tags,
    Published,
    /// Axis 0, 1 or 2.
    OptionName(u8),
    /// Axis 0, 1 or 2.
    OptionValue(u8),
    VariantSku,
    VariantGrams,
    VariantInventoryQty,
    VariantPrice,
    VariantCompareAtPrice,
    ImageSrc,
    ImagePosition,
    ImageAltText,
    SeoTitle,
    SeoDescription,
    Status,
}

/// Each column with the names it goes by; the first is the one Shopify writes today.
const NAMES: &[(Column, &[&str])] = &[
    (Column::Handle, &["Handle", "URL handle"]),
    (Column::Title, &["Title"]),
    (Column::BodyHtml, &["Body (HTML)", "Description"]),
    (Column::Vendor, &["Vendor"]),
    (Column::ProductCategory, &["Product Category", "Standard Product Type"]),
    (Column::Type, &["Type", "Custom Product Type"]),
    (Column::Tags, &["Tags"]),
    (Column::Published, &["Published", "Published on online store"]),
    (Column::OptionName(0), &["Option1 Name"]),
    (Column::OptionValue(0), &["Option1 Value"]),
    (Column::OptionName(1), &["Option2 Name"]),
    (Column::OptionValue(1), &["Option2 Value"]),
    (Column::OptionName(2), &["Option3 Name"]),
    (Column::OptionValue(2), &["Option3 Value"]),
    (Column::VariantSku, &["Variant SKU", "SKU"]),
    (Column::VariantGrams, &["Variant Grams", "Weight value (grams)"]),
    (Column::VariantInventoryQty, &["Variant Inventory Qty", "Inventory quantity"]),
    (Column::VariantPrice, &["Variant Price", "Price"]),
    (Column::VariantCompareAtPrice, &["Variant Compare At Price", "Compare-at price"]),
    (Column::ImageSrc, &["Image Src", "Product image URL"]),
    (Column::ImagePosition, &["Image Position"]),
    (Column::ImageAltText, &["Image Alt Text"]),
    (Column::SeoTitle, &["SEO Title"]),
    (Column::SeoDescription, &["SEO Description"]),
    (Column::Status, &["Status"]),
];

impl Column {
    /// The name Shopify writes today.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(column, _)| *column == self).map_or("", |(_, names)| names[0])
    }

    fn find(header: &str) -> Option<Column> {
        let goes_by = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(header));
        NAMES.iter().find(|(_, names)| goes_by(names)).map(|(column, _)| *column)
    }

    /// How many columns there are.
    pub(super) const COUNT: usize = NAMES.len();

    /// Where the column's cell stands in a decoded row.
    pub(super) fn index(self) -> usize {
        // Every column is in the list; the fallback is never taken and only keeps this free of panics.
        NAMES.iter().position(|(column, _)| *column == self).unwrap_or(0)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where each column stands in the rows of one file.
#[derive(Debug, Clone)]
pub struct Columns {
    /// By position in `NAMES`: the position in the row, and the name as the header spells it.
    positions: Vec<Option<(usize, String)>>,
    width: usize,
    ignored: Vec<String>,
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Products cannot be told apart.
    #[error("the header has no column Handle; its columns are: {found}")]
    NoHandle {
        /// What the header has, with commas between.
        found: String,
    },
    /// Which of the two is meant cannot be known.
    #[error("the header names the column {name} twice")]
    Twice {
        /// The name as the second one spells it.
        name: String,
    },
    /// Not a text file, or one in another encoding.
    #[error("column {number} of the header is not UTF-8; save the file as CSV UTF-8")]
    NotUtf8 {
        /// Counted from 1.
        number: usize,
    },
}

impl Columns {
    /// Reads the header. Names are compared without regard to case; a byte order mark before the first one is
    /// dropped; only `Handle` must be there.
    pub fn from_header<'a>(cells: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, HeaderError> {
        let mut columns = Columns { positions: vec![None; NAMES.len()], width: 0, ignored: Vec::new() };
        let mut found = Vec::new();
        for (position, cell) in cells.into_iter().enumerate() {
            let name =
                std::str::from_utf8(cell).map_err(|_| HeaderError::NotUtf8 { number: position + 1 })?;
            let name = name.trim_start_matches('\u{feff}').trim().trim_matches('"');
            found.push(name.to_owned());
            columns.width = position + 1;
            match Column::find(name) {
                Some(column) => {
                    let slot = &mut columns.positions[column.index()];
                    if slot.replace((position, name.to_owned())).is_some() {
                        return Err(HeaderError::Twice { name: name.to_owned() });
                    }
                }
                None if name.is_empty() => {}
                None => columns.ignored.push(name.to_owned()),
            }
        }
        if columns.position(Column::Handle).is_none() {
            return Err(HeaderError::NoHandle { found: found.join(", ") });
        }
        Ok(columns)
    }

    /// The names of the columns that are not read, in the order of the file.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// For each position of a row the place of its cell among the columns that are read, if it is read.
    pub(super) fn places(&self) -> Vec<Option<usize>> {
        let mut places = vec![None; self.width];
        for (place, found) in self.positions.iter().enumerate() {
            if let Some((position, _)) = found {
                places[*position] = Some(place);
            }
        }
        places
    }

    fn position(&self, column: Column) -> Option<usize> {
        self.positions[column.index()].as_ref().map(|(position, _)| *position)
    }

    /// The column's name as this file spells it.
    pub(super) fn spelling(&self, column: Column) -> &str {
        self.spelling_at(column.index())
    }

    pub(super) fn spelling_at(&self, place: usize) -> &str {
        self.positions[place].as_ref().map_or(NAMES[place].1[0], |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Columns, HeaderError> {
        Columns::from_header(header.split(',').map(str::as_bytes))
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let columns = read("\u{feff}Variant Price,Gift Card, handle ,Title").unwrap();
        assert_eq!(columns.position(Column::VariantPrice), Some(0));
        assert_eq!(columns.position(Column::Handle), Some(2));
        assert_eq!(columns.position(Column::Vendor), None);
        assert_eq!(columns.spelling(Column::Handle), "handle");
        assert_eq!(columns.ignored(), ["Gift Card"]);
    }

    #[test]
    fn a_header_that_cannot_be_understood_is_refused_with_the_reason() {
        let message = |header: &str| read(header).unwrap_err().to_string();
        assert_eq!(message("Name,Price"), "the header has no column Handle; its columns are: Name, Price");
        assert_eq!(message("Handle,Title,TITLE"), "the header names the column TITLE twice");
        let latin = Columns::from_header([b"Handle".as_slice(), b"Gr\xf6\xdfe".as_slice()]);
        assert_eq!(
            latin.unwrap_err().to_string(),
            "column 2 of the header is not UTF-8; save the file as CSV UTF-8"
        );
    }

    #[test]
    fn every_column_has_its_own_place() {
        for (position, (column, names)) in NAMES.iter().enumerate() {
            assert_eq!(column.index(), position);
            for name in *names {
                assert_eq!(Column::find(name), Some(*column), "{name}");
            }
        }
    }
}

//! From rows to products: gathers the rows of one `Handle`, then reads them as a whole.

use super::cells::{Row, is_active, published, whole_number};
use super::{Column, Columns, Refusal};
use crate::limits::{IMAGES_MAX, IMPORT_ROWS_PER_PRODUCT_MAX, OPTIONS_MAX, VARIANTS_MAX};
use crate::{Currency, Field, ImageDraft, Money, Problem, Product, ProductDraft, Reason, VariantDraft, text};
use std::collections::BTreeSet;

/// What one run of rows with the same `Handle` came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// As the first row writes it; empty for a row without one.
    pub handle: String,
    /// The first row of the group.
    pub first_row: u64,
    /// The last row of the group.
    pub last_row: u64,
    /// The product, or everything that is wrong with its rows (never empty).
    pub outcome: Result<Product, Vec<Refusal>>,
}

impl Assembled {
    /// How many rows have something wrong with them.
    pub fn rows_refused(&self) -> u64 {
        match &self.outcome {
            Ok(_) => 0,
            Err(refusals) => refusals.iter().map(|refusal| refusal.row).collect::<BTreeSet<_>>().len() as u64,
        }
    }
}

/// Takes rows one by one and gives products as their groups end. Holds the rows of one product at a time, at
/// most [`IMPORT_ROWS_PER_PRODUCT_MAX`].
#[derive(Debug)]
pub struct Assembler {
    columns: Columns,
    places: Vec<Option<usize>>,
    currency: Currency,
    open: Option<Group>,
}

/// Rows of one handle that may still be followed by more.
#[derive(Debug)]
struct Group {
    handle: String,
    /// Handles that differ in case or composition are the same product.
    key: String,
    first_row: u64,
    last_row: u64,
    rows: Vec<Row>,
    refusals: Vec<Refusal>,
    /// Rows without a handle inside the group. They are given out with it, so that a checkpoint before the
    /// group never counts them twice.
    strays: Vec<Assembled>,
}

impl Assembler {
    /// For a file with these columns, of a store with this currency.
    pub fn new(columns: Columns, currency: Currency) -> Self {
        let places = columns.places();
        Assembler { columns, places, currency, open: None }
    }

    /// Takes the next row. `number` counts as [`Refusal::row`] does. Rows may be shorter than the header, never
    /// longer. Rows without any value are skipped.
    ///
    /// Gives what the row ended: nothing while it continues its group, else the group before it.
    pub fn push<'a>(&mut self, number: u64, cells: impl IntoIterator<Item = &'a [u8]>) -> Vec<Assembled> {
        let (row, refusals) = Row::decode(&self.columns, &self.places, number, cells);
        if row.is_blank() && refusals.is_empty() {
            return Vec::new();
        }
        if !row.has(Column::Handle) {
            return self.stray(number, refusals);
        }
        let key = text::normalise(row.text(Column::Handle));
        if let Some(group) = self.open.as_mut().filter(|group| group.key == key) {
            group.take(row, refusals);
            return Vec::new();
        }
        let mut group = Group {
            handle: row.text(Column::Handle).to_owned(),
            key,
            first_row: number,
            last_row: number,
            rows: Vec::new(),
            refusals: Vec::new(),
            strays: Vec::new(),
        };
        group.take(row, refusals);
        let ended = self.open.replace(group);
        ended.map_or_else(Vec::new, |group| self.close(group))
    }

    /// Ends the file: gives the last group.
    pub fn finish(mut self) -> Vec<Assembled> {
        let ended = self.open.take();
        ended.map_or_else(Vec::new, |group| self.close(group))
    }

    /// The first row of the group that is still open. Reading may be taken up again at this row later, by a new
    /// assembler, without losing or repeating anything that was given out so far.
    pub fn pending_first_row(&self) -> Option<u64> {
        self.open.as_ref().map(|group| group.first_row)
    }

    /// A row that has values but no handle: nobody knows whose it is.
    fn stray(&mut self, number: u64, mut refusals: Vec<Refusal>) -> Vec<Assembled> {
        let column = self.columns.spelling(Column::Handle);
        // A handle that is not UTF-8 has said so.
        if !refusals.iter().any(|refusal| refusal.column == column) {
            refusals.insert(0, Refusal::new(number, column, "", "is missing: every row needs a handle"));
        }
        let stray =
            Assembled { handle: String::new(), first_row: number, last_row: number, outcome: Err(refusals) };
        match &mut self.open {
            Some(group) => {
                group.strays.push(stray);
                Vec::new()
            }
            None => vec![stray],
        }
    }

    fn close(&self, mut group: Group) -> Vec<Assembled> {
        let strays = std::mem::take(&mut group.strays);
        let assembled = Assembled {
            handle: group.handle.clone(),
            first_row: group.first_row,
            last_row: group.last_row,
            outcome: Reading::of(&self.columns, self.currency, group).outcome(),
        };
        std::iter::once(assembled).chain(strays).collect()
    }
}

impl Group {
    fn take(&mut self, row: Row, refusals: Vec<Refusal>) {
        self.last_row = row.number;
        if self.rows.len() < IMPORT_ROWS_PER_PRODUCT_MAX {
            self.rows.push(row);
            self.refusals.extend(refusals);
        } else if self.rows.len() == IMPORT_ROWS_PER_PRODUCT_MAX {
            // One row more than is read marks that this has been said.
            let reason = format!("is beyond the {IMPORT_ROWS_PER_PRODUCT_MAX} rows that a product may have");
            self.refusals.push(Refusal::new(row.number, "", &self.handle, reason));
            self.rows.push(row);
        }
    }
}

/// The rows of one product while they are read into a draft.
struct Reading<'a> {
    columns: &'a Columns,
    currency: Currency,
    rows: Vec<Row>,
    refusals: Vec<Refusal>,
    draft: ProductDraft,
    /// For each option axis of the draft its number in the columns.
    axes: Vec<u8>,
    /// For each variant and image of the draft the index of its row.
    variant_rows: Vec<usize>,
    image_rows: Vec<usize>,
}

impl<'a> Reading<'a> {
    fn of(columns: &'a Columns, currency: Currency, group: Group) -> Self {
        let mut reading = Reading {
            columns,
            currency,
            rows: group.rows,
            refusals: group.refusals,
            draft: ProductDraft::default(),
            axes: Vec::new(),
            variant_rows: Vec::new(),
            image_rows: Vec::new(),
        };
        reading.read_product();
        reading.read_options();
        reading.read_variants();
        reading.read_images();
        reading
    }

    fn outcome(mut self) -> Result<Product, Vec<Refusal>> {
        let validated = self.draft.validate(self.currency);
        for problem in validated.as_ref().err().into_iter().flatten() {
            let refusal = self.refusal_of(problem);
            // What the cell itself said comes first: an unreadable price is not also a missing one.
            let said = |known: &Refusal| known.row == refusal.row && known.column == refusal.column;
            if refusal.column.is_empty() || !self.refusals.iter().any(said) {
                self.refusals.push(refusal);
            }
        }
        self.refusals.sort_by_key(|refusal| refusal.row);
        match validated {
            Ok(product) if self.refusals.is_empty() => Ok(product),
            _ => Err(self.refusals),
        }
    }

    fn refuse(&mut self, row: usize, column: Column, reason: &Reason) {
        let row = &self.rows[row];
        let spelling = self.columns.spelling(column);
        self.refusals.push(Refusal::new(row.number, spelling, row.raw(column), reason));
    }

    /// Reads a cell; a refused one is reported and stands for the default.
    fn cell<T: Default>(
        &mut self,
        row: usize,
        column: Column,
        read: impl FnOnce(&str) -> Result<T, Reason>,
    ) -> T {
        let result = read(self.rows[row].text(column));
        result.unwrap_or_else(|reason| {
            self.refuse(row, column, &reason);
            T::default()
        })
    }

    fn price(&mut self, row: usize, column: Column) -> Option<Money> {
        let currency = self.currency;
        self.cell(row, column, |text| match text {
            "" => Ok(None),
            price => Money::parse(price, currency).map(Some),
        })
    }

    /// The product's own fields stand on its first row; on later rows they are empty or repeated.
    fn read_product(&mut self) {
        let visible = self.cell(0, Column::Published, published) & self.cell(0, Column::Status, is_active);
        let first = &self.rows[0];
        let text = |column| first.text(column).to_owned();
        self.draft = ProductDraft {
            slug: text(Column::Handle),
            title: text(Column::Title),
            body_html: first.raw(Column::BodyHtml).to_owned(),
            vendor: text(Column::Vendor),
            category: text(Column::ProductCategory),
            product_type: text(Column::Type),
            tags: first.text(Column::Tags).split(',').map(str::to_owned).collect(),
            published: visible,
            seo_title: text(Column::SeoTitle),
            seo_description: text(Column::SeoDescription),
            ..ProductDraft::default()
        };
    }

    fn read_options(&mut self) {
        let unused = is_without_options(&self.rows);
        for axis in 0..OPTIONS_MAX as u8 {
            let name = self.rows[0].text(Column::OptionName(axis)).to_owned();
            if unused && axis == 0 {
                continue;
            }
            if !name.is_empty() {
                self.axes.push(axis);
                self.draft.option_names.push(name);
                continue;
            }
            if let Some(row) = self.rows.iter().position(|row| row.has(Column::OptionValue(axis))) {
                let name = self.columns.spelling(Column::OptionName(axis));
                let reason = Reason::new(format!("stands without {name} on the first row of the product"));
                self.refuse(row, Column::OptionValue(axis), &reason);
            }
        }
    }

    fn read_variants(&mut self) {
        for row in 0..self.rows.len() {
            let is_variant = row == 0 || VARIANT_COLUMNS.iter().any(|column| self.rows[row].has(*column));
            if !is_variant {
                continue;
            }
            let values = |axis: &u8| self.rows[row].text(Column::OptionValue(*axis)).to_owned();
            let variant = VariantDraft {
                option_values: self.axes.iter().map(values).collect(),
                sku: self.rows[row].text(Column::VariantSku).to_owned(),
                price: self.price(row, Column::VariantPrice),
                compare_at_price: self.price(row, Column::VariantCompareAtPrice),
                grams: self.cell(row, Column::VariantGrams, whole_number),
                inventory_quantity: self.cell(row, Column::VariantInventoryQty, whole_number),
            };
            self.draft.variants.push(variant);
            self.variant_rows.push(row);
        }
    }

    fn read_images(&mut self) {
        let mut images = Vec::new();
        for row in 0..self.rows.len() {
            if !self.rows[row].has(Column::ImageSrc) {
                continue;
            }
            let position = match self.cell(row, Column::ImagePosition, whole_number) {
                // Not given: where the file has it.
                0 => images.len() as i64 + 1,
                given => given,
            };
            let cells = &self.rows[row];
            let image = ImageDraft {
                src: cells.text(Column::ImageSrc).to_owned(),
                alt: cells.text(Column::ImageAltText).to_owned(),
            };
            images.push((position, row, image));
        }
        images.sort_by_key(|(position, row, _)| (*position, *row));
        for (_, row, image) in images {
            self.image_rows.push(row);
            self.draft.images.push(image);
        }
    }

    /// Translates a field of the draft back to the cell it came from.
    fn refusal_of(&self, problem: &Problem) -> Refusal {
        let (row, column) = self.origin(problem.field);
        let row = &self.rows[row];
        match column {
            Some(column) => {
                Refusal::new(row.number, self.columns.spelling(column), row.raw(column), &problem.reason)
            }
            None => Refusal::new(row.number, "", &problem.value, &problem.reason),
        }
    }

    fn origin(&self, field: Field) -> (usize, Option<Column>) {
        let variant = |at: usize| self.variant_rows.get(at).copied().unwrap_or(0);
        let image = |at: usize| self.image_rows.get(at).copied().unwrap_or(0);
        let axis = |at: usize| self.axes.get(at).copied().unwrap_or(0);
        match field {
            Field::Slug => (0, Some(Column::Handle)),
            Field::Title => (0, Some(Column::Title)),
            Field::BodyHtml => (0, Some(Column::BodyHtml)),
            Field::Vendor => (0, Some(Column::Vendor)),
            Field::Category => (0, Some(Column::ProductCategory)),
            Field::ProductType => (0, Some(Column::Type)),
            Field::Tags => (0, Some(Column::Tags)),
            Field::SeoTitle => (0, Some(Column::SeoTitle)),
            Field::SeoDescription => (0, Some(Column::SeoDescription)),
            Field::OptionNames => (0, Some(Column::OptionName(0))),
            Field::OptionName(at) => (0, Some(Column::OptionName(axis(at)))),
            // The first one that is too many.
            Field::Variants => (variant(VARIANTS_MAX), None),
            Field::Images => (image(IMAGES_MAX), None),
            Field::Variant(at) => (variant(at), None),
            Field::VariantSku(at) => (variant(at), Some(Column::VariantSku)),
            Field::VariantOption(at, option) => (variant(at), Some(Column::OptionValue(axis(option)))),
            Field::VariantPrice(at) => (variant(at), Some(Column::VariantPrice)),
            Field::VariantCompareAtPrice(at) => (variant(at), Some(Column::VariantCompareAtPrice)),
            Field::VariantGrams(at) => (variant(at), Some(Column::VariantGrams)),
            Field::VariantInventory(at) => (variant(at), Some(Column::VariantInventoryQty)),
            Field::ImageSrc(at) => (image(at), Some(Column::ImageSrc)),
            Field::ImageAlt(at) => (image(at), Some(Column::ImageAltText)),
        }
    }
}

/// A row with a value in any of these is a variant.
const VARIANT_COLUMNS: [Column; 8] = [
    Column::OptionValue(0),
    Column::OptionValue(1),
    Column::OptionValue(2),
    Column::VariantSku,
    Column::VariantPrice,
    Column::VariantCompareAtPrice,
    Column::VariantGrams,
    Column::VariantInventoryQty,
];

/// Shopify exports a product without options as one option `Title` with the single value `Default Title`.
fn is_without_options(rows: &[Row]) -> bool {
    let first = &rows[0];
    let name = first.text(Column::OptionName(0));
    (name.is_empty() || name.eq_ignore_ascii_case("Title"))
        && first.text(Column::OptionValue(0)).eq_ignore_ascii_case("Default Title")
        && rows[1..].iter().all(|row| !row.has(Column::OptionValue(0)))
}

//! Rows of an export become products or refusals. Cells are written with `|` between them.

use domain::import::{Assembled, Assembler, Columns, Refusal};
use domain::{Currency, Product};
use proptest::prelude::*;

const HEADER: &str =
    "Handle|Title|Option1 Name|Option1 Value|Option2 Name|Option2 Value|Variant SKU|Variant Price|Image Src";

fn cells(row: &str) -> impl Iterator<Item = &[u8]> {
    row.split('|').map(str::as_bytes)
}

fn assembler(header: &str) -> Assembler {
    Assembler::new(Columns::from_header(cells(header)).unwrap(), Currency::parse("EUR").unwrap())
}

fn assemble(header: &str, rows: &[&str]) -> Vec<Assembled> {
    let mut assembler = assembler(header);
    let mut assembled = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        assembled.extend(assembler.push(index as u64 + 2, cells(row)));
    }
    assembled.extend(assembler.finish());
    assembled
}

fn only_product(assembled: Vec<Assembled>) -> Product {
    assert_eq!(assembled.len(), 1, "{assembled:#?}");
    assembled.into_iter().next().unwrap().outcome.unwrap()
}

/// `row column 'value': reason`, one a line.
fn refusals(assembled: &[Assembled]) -> Vec<String> {
    let refused = assembled.iter().filter_map(|assembled| assembled.outcome.as_ref().err()).flatten();
    refused
        .map(|Refusal { row, column, value, reason }| format!("{row} {column} '{value}': {reason}"))
        .collect()
}

#[test]
fn several_rows_make_one_product_with_variants_and_images() {
    let product = only_product(assemble(
        HEADER,
        &[
            "shirt|Linen shirt|Colour|Sand|Size|S|LS-S|1,049.90|https://images.example.com/1.jpg",
            "shirt|||Sand||M|LS-M|49.90|https://images.example.com/2.jpg",
            "shirt||||||||https://images.example.com/3.jpg",
        ],
    ));
    assert_eq!(product.title, "Linen shirt");
    assert_eq!(product.option_names, ["Colour", "Size"]);
    assert_eq!(product.variants.len(), 2);
    assert_eq!(product.variants[0].price.amount_minor, 104_990);
    assert_eq!(product.variants[1].option_values, ["Sand", "M"]);
    assert_eq!(product.images.len(), 3);
    assert!(product.published);
}

#[test]
fn columns_may_be_missing_and_stand_in_any_order() {
    let product = only_product(assemble("Variant Price|Colour of the box|Title|Handle", &["5|red|Mug|mug"]));
    assert_eq!(product.slug.as_str(), "mug");
    assert_eq!(product.variants[0].price.amount_minor, 500);
    assert!(product.option_names.is_empty() && product.category.is_none());
}

#[test]
fn shopifys_default_title_is_no_option() {
    let product = only_product(assemble(
        HEADER,
        &["mug|Mug|Title|Default Title||||5.00|", "mug||||||||https://images.example.com/2.jpg"],
    ));
    assert!(product.option_names.is_empty());
    assert_eq!((product.variants.len(), product.images.len()), (1, 1));
}

#[test]
fn images_stand_in_the_order_of_their_positions() {
    let product = only_product(assemble(
        "Handle|Title|Variant Price|Image Src|Image Position",
        &["mug|Mug|5|https://e.example/b|2", "mug|||https://e.example/a|1", "mug|||https://e.example/c|"],
    ));
    let order: Vec<&str> = product.images.iter().map(|image| &image.src[image.src.len() - 1..]).collect();
    assert_eq!(order, ["a", "b", "c"]);
}

#[test]
fn a_draft_or_unpublished_product_is_not_published() {
    let header = "Handle|Title|Variant Price|Published|Status";
    let published = |row: &str| only_product(assemble(header, &[row])).published;
    assert!(published("mug|Mug|5|TRUE|active"));
    assert!(published("mug|Mug|5||"));
    assert!(!published("mug|Mug|5|FALSE|active"));
    assert!(!published("mug|Mug|5|TRUE|draft"));
}

#[test]
fn a_refused_product_names_row_column_value_and_reason() {
    let assembled = assemble(
        HEADER,
        &[
            "shirt||Colour|Sand|||LS-S|forty|https://images.example.com/1.jpg",
            "shirt|||Blue|||ls-s|49.90|1.jpg",
            "shirt|||Blue||L|LS-L|12,50|",
            "mug|Mug|||||M-1|5.00|",
        ],
    );
    assert_eq!(
        refusals(&assembled),
        [
            "2 Variant Price 'forty': contains 'f'; write the number alone, such as 1234.50",
            "2 Title '': is missing: every product needs a title",
            "3 Image Src '1.jpg': is not an absolute http or https address",
            "4 Option2 Value 'L': stands without Option2 Name on the first row of the product",
            "4 Variant Price '12,50': has a comma that does not separate thousands; decimals are written with a point",
        ]
    );
    assert_eq!(assembled[0].rows_refused(), 3);
    assert_eq!((assembled[0].first_row, assembled[0].last_row), (2, 4));
    assert_eq!(assembled[1].outcome.as_ref().unwrap().title, "Mug");
}

#[test]
fn refusals_use_the_columns_names_as_the_file_spells_them() {
    let assembled = assemble("URL handle|title|Price", &["501|Jeans|"]);
    assert_eq!(
        refusals(&assembled),
        [
            "2 URL handle '501': has only digits, which would address a product by its id",
            "2 Price '': is missing: every variant needs a price",
        ]
    );
}

#[test]
fn a_row_without_a_handle_is_refused_and_its_neighbours_are_not() {
    let assembled = assemble(HEADER, &["mug|Mug|||||M-1|5|", "|Mug|||||M-2|5|", "||||||||", "mug||||||||"]);
    assert_eq!(refusals(&assembled), ["3 Handle '': is missing: every row needs a handle"]);
    assert!(assembled[0].outcome.is_ok());
    assert_eq!(assembled[0].last_row, 5);
}

#[test]
fn a_cell_in_another_encoding_is_refused_by_name() {
    let mut assembler = assembler("Handle|Title|Variant Price|Gift Card");
    let row: [&[u8]; 4] = [b"mug", b"Gr\xfcn", b"5", b"\xff not read, does not matter"];
    assert!(assembler.push(2, row).is_empty());
    let assembled = assembler.finish();
    assert_eq!(refusals(&assembled), ["2 Title 'Gr\u{fffd}n': is not UTF-8; save the file as CSV UTF-8"]);
}

#[test]
fn a_row_longer_than_the_header_is_refused() {
    let assembled = assemble("Handle|Title|Variant Price", &["mug|Mug|5||", "cup|Cup|5|oops"]);
    assert_eq!(refusals(&assembled), ["3  'oops': stands in cell 4, the header has only 3"]);
}

#[test]
fn a_product_with_too_many_variants_is_refused_at_the_first_that_is_too_many() {
    let rows: Vec<String> =
        (0..101).map(|n| format!("mug|{}|Size|{n}|||M-{n}|5|", if n == 0 { "Mug" } else { "" })).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(refusals(&assemble(HEADER, &rows)), ["102  '': has 101 variants, at most 100 are allowed"]);
}

#[test]
fn an_endless_product_is_refused_without_being_held_in_memory() {
    let rows = vec!["mug|Mug|||||||https://images.example.com/1.jpg"; 5_000];
    let assembled = assemble(HEADER, &rows);
    assert_eq!(assembled.len(), 1);
    assert!(
        refusals(&assembled)
            .contains(&"352  'mug': is beyond the 350 rows that a product may have".to_owned())
    );
    assert_eq!(assembled[0].last_row, 5_001);
}

#[test]
fn handles_that_differ_in_case_are_one_product_and_a_handle_that_comes_back_is_a_new_group() {
    let assembled = assemble(
        "Handle|Title|Option1 Name|Option1 Value|Variant Price",
        &["Mug|Mug|Size|S|5", "mug|||L|5", "cup|Cup|||5", "MUG|Mug again|||5"],
    );
    let groups: Vec<(&str, bool)> =
        assembled.iter().map(|group| (group.handle.as_str(), group.outcome.is_ok())).collect();
    assert_eq!(groups, [("Mug", true), ("cup", true), ("MUG", true)]);
}

/// A small world of rows: few handles so that groups form, cells that are sometimes wrong.
fn any_row() -> impl Strategy<Value = String> {
    let cell = |values: &'static [&'static str]| proptest::sample::select(values);
    (
        cell(&["a", "b", "A", "", "1"]),
        cell(&["T", "", "T"]),
        cell(&["", "S", "M"]),
        cell(&["5", "", "x", "12,50"]),
        cell(&["", "https://e.example/1", "nowhere"]),
    )
        .prop_map(|(handle, title, size, price, image)| {
            format!("{handle}|{title}|Size|{size}|{price}|{image}")
        })
}

const SMALL_HEADER: &str = "Handle|Title|Option1 Name|Option1 Value|Variant Price|Image Src";

proptest! {
    #[test]
    fn every_row_belongs_to_exactly_one_outcome(rows in proptest::collection::vec(any_row(), 0..30)) {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut owners = vec![0; rows.len()];
        for assembled in assemble(SMALL_HEADER, &rows) {
            for (index, row) in rows.iter().enumerate() {
                let within = (assembled.first_row..=assembled.last_row).contains(&(index as u64 + 2));
                let handle = row.split('|').next().unwrap_or_default();
                if within && handle.eq_ignore_ascii_case(&assembled.handle) {
                    owners[index] += 1;
                }
            }
            if let Err(refusals) = assembled.outcome {
                prop_assert!(!refusals.is_empty());
                for refusal in refusals {
                    prop_assert!((assembled.first_row..=assembled.last_row).contains(&refusal.row));
                }
            }
        }
        prop_assert!(owners.iter().all(|count| *count == 1), "{owners:?}");
    }

    #[test]
    fn taking_up_at_the_pending_row_loses_and_repeats_nothing(
        rows in proptest::collection::vec(any_row(), 1..30), killed_at in 0_usize..30,
    ) {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut before = assembler(SMALL_HEADER);
        let mut given_out = Vec::new();
        let killed_at = killed_at.min(rows.len());
        for (index, row) in rows[..killed_at].iter().enumerate() {
            given_out.extend(before.push(index as u64 + 2, cells(row)));
        }
        let resume_row = before.pending_first_row().unwrap_or(killed_at as u64 + 2);
        let mut after = assembler(SMALL_HEADER);
        for (index, row) in rows.iter().enumerate().skip(resume_row as usize - 2) {
            given_out.extend(after.push(index as u64 + 2, cells(row)));
        }
        given_out.extend(after.finish());
        prop_assert_eq!(given_out, assemble(SMALL_HEADER, &rows));
    }
}

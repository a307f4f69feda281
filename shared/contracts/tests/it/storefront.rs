//! Snapshots of the documents that frontends serve.

use contracts::storefront::{Cursor, ListingPage, ProductDocument, ProductSummary, listing_page};
use domain::{Currency, ImageDraft, Money, Product, ProductDraft, VariantDraft};

fn shirt() -> Product {
    let currency = Currency::parse("EUR").unwrap();
    let variant = |size: &str, price: &str, inventory_quantity| VariantDraft {
        sku: format!("LS-{size}"),
        option_values: vec!["Sand".into(), size.into()],
        price: Some(Money::parse(price, currency).unwrap()),
        compare_at_price: (size == "S").then(|| Money::parse("1,059.90", currency).unwrap()),
        grams: 230,
        inventory_quantity,
    };
    let draft = ProductDraft {
        slug: "linen-shirt".into(),
        title: "Linen shirt".into(),
        body_html: "<p>Cool \"and\" light</p>".into(),
        vendor: "Fell & Tarn".into(),
        category: "Apparel & Accessories > Shirts".into(),
        product_type: "Shirt".into(),
        tags: vec!["linen".into()],
        published: true,
        seo_description: "A shirt of linen.".into(),
        option_names: vec!["Colour".into(), "Size".into()],
        variants: vec![variant("S", "1,049.90", 3), variant("M", "49.90", 0)],
        images: vec![ImageDraft { src: "https://images.example.com/1.jpg".into(), alt: "Front".into() }],
        ..ProductDraft::default()
    };
    draft.validate(currency).unwrap()
}

#[test]
fn the_document_of_a_product_keeps_its_form() {
    insta::assert_json_snapshot!(ProductDocument::new(42, 3, &shirt()));
}

#[test]
fn the_summary_of_a_product_keeps_its_form() {
    insta::assert_json_snapshot!(ProductSummary::new(42, 3, &shirt()));
}

#[test]
fn a_page_is_its_summaries_byte_for_byte() {
    let summary = serde_json::to_string(&ProductSummary::new(42, 3, &shirt())).unwrap();
    let page = listing_page(vec![summary.clone()], Some(Cursor { after: 42 })).unwrap();
    assert_eq!(page, format!(r#"{{"items":[{summary}],"nextCursor":"aWQ-NDI"}}"#));
    let read: ListingPage = serde_json::from_str(&page).unwrap();
    assert_eq!(read.items, [ProductSummary::new(42, 3, &shirt())]);
    assert_eq!(listing_page(Vec::new(), None).unwrap(), r#"{"items":[],"nextCursor":null}"#);
}

#[test]
fn a_cursor_is_read_only_in_the_form_it_was_given_out() {
    assert_eq!(Cursor::decode("aWQ-NDI"), Some(Cursor { after: 42 }));
    for foreign in ["", "42", "aWQ-LTE", "aWQ-NDI=", "aWQ-NDJ", "aWQ-KzQy", "\u{1f}"] {
        assert_eq!(Cursor::decode(foreign), None, "{foreign}");
    }
}

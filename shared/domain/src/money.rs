//! Money: whole minor units of a currency, never a floating-point number, and one rounding rule.

use crate::Reason;
use std::fmt;

/// A currency of ISO 4217 with the number of its decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    minor_digits: u8,
}

/// Active codes of ISO 4217 (funds and metals left out); those not listed below have two decimal places.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF \
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR \
    LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK \
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
    TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";
const WITHOUT_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const WITH_THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// An ISO 4217 code in any case.
    pub fn parse(given: &str) -> Result<Self, Reason> {
        let code = given.trim().to_ascii_uppercase();
        let listed = |list: &str| list.split_ascii_whitespace().any(|known| known == code);
        let Ok(bytes) = <[u8; 3]>::try_from(code.as_bytes()) else {
            return Err(Reason::fixed("is not a currency code of three letters such as EUR"));
        };
        if !listed(CODES) {
            return Err(Reason::fixed("is not a currency code of ISO 4217"));
        }
        let minor_digits = match () {
            () if listed(WITHOUT_DECIMALS) => 0,
            () if listed(WITH_THREE_DECIMALS) => 3,
            () => 2,
        };
        Ok(Currency { code: bytes, minor_digits })
    }

    /// Three upper-case letters.
    pub fn code(&self) -> &str {
        // Only ASCII letters get past `parse`.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Decimal places: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn minor_digits(&self) -> u8 {
        self.minor_digits
    }

    fn minor_per_major(&self) -> i64 {
        10_i64.pow(u32::from(self.minor_digits))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money in whole minor units (cents). May be negative: differences and refunds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units of `currency`.
    pub amount_minor: i64,
    /// What they are units of.
    pub currency: Currency,
}

impl Money {
    /// Reads `1234.50`, `1,234.50`, `12.5`, `12`, with a leading `-` if it must be.
    ///
    /// Strict, because a price that is understood differently from how it was meant is worse than one that is
    /// refused: the decimal sign is a point; commas stand only between groups of three digits; no currency
    /// sign, no exponent; more decimal places than the currency has only if they are zeros. Never rounds.
    pub fn parse(given: &str, currency: Currency) -> Result<Self, Reason> {
        let text = given.trim();
        if text.is_empty() {
            return Err(Reason::fixed("is empty"));
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if let Some(other) = digits.chars().find(|c| !(c.is_ascii_digit() || matches!(c, '.' | ','))) {
            return Err(Reason::new(format!("contains {other:?}; write the number alone, such as 1234.50")));
        }
        let (whole, decimals) = match digits.split_once('.') {
            Some((_, "")) => return Err(Reason::fixed("ends with a decimal point")),
            Some((whole, decimals)) => (whole, decimals),
            None => (digits, ""),
        };
        let major = parse_whole(whole)?;
        let minor = parse_decimals(decimals, currency)?;
        let amount = i128::from(major) * i128::from(currency.minor_per_major()) + i128::from(minor);
        let amount = i64::try_from(if negative { -amount } else { amount }).map_err(|_| too_large())?;
        Ok(Money { amount_minor: amount, currency })
    }

    /// The amount as a decimal number with all decimal places of the currency: `1234.50`, `-0.05`, `1200`.
    pub fn decimal(&self) -> String {
        let per_major = self.currency.minor_per_major().unsigned_abs();
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let (major, minor) =
            (self.amount_minor.unsigned_abs() / per_major, self.amount_minor.unsigned_abs() % per_major);
        match usize::from(self.currency.minor_digits) {
            0 => format!("{sign}{major}"),
            width => format!("{sign}{major}.{minor:0width$}"),
        }
    }

    /// This amount times `numerator / denominator`, rounded to a whole minor unit, halves away from zero.
    ///
    /// This is the one rounding rule: percentages, taxes and shares all come through here. `None` when the
    /// denominator is zero or the result leaves 64 bits.
    pub fn scaled(&self, numerator: i64, denominator: i64) -> Option<Money> {
        if denominator == 0 {
            return None;
        }
        let product = i128::from(self.amount_minor) * i128::from(numerator);
        let denominator = i128::from(denominator);
        let (quotient, remainder) = (product / denominator, product % denominator);
        let away_from_zero = if (product < 0) == (denominator < 0) { 1 } else { -1 };
        let rounded = if remainder.abs() * 2 >= denominator.abs() && remainder != 0 {
            quotient + away_from_zero
        } else {
            quotient
        };
        Some(Money { amount_minor: i64::try_from(rounded).ok()?, currency: self.currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

fn too_large() -> Reason {
    Reason::fixed("is too large")
}

/// Digits, or groups of digits between commas: one to three, then always three.
fn parse_whole(whole: &str) -> Result<i64, Reason> {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.len() > first.len();
    let well_grouped = !grouped || ((1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3));
    if !well_grouped {
        return Err(Reason::fixed(
            "has a comma that does not separate thousands; decimals are written with a point",
        ));
    }
    let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return Err(Reason::fixed("has no digits before the decimal point"));
    }
    digits.parse().map_err(|_| too_large())
}

/// The minor units that the digits after the point stand for.
fn parse_decimals(decimals: &str, currency: Currency) -> Result<i64, Reason> {
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::fixed("has more than one decimal sign"));
    }
    let width = usize::from(currency.minor_digits);
    let (kept, surplus) = decimals.split_at(decimals.len().min(width));
    if surplus.bytes().any(|byte| byte != b'0') {
        return Err(Reason::new(format!(
            "has {} decimal places, {} has {width}",
            decimals.len(),
            currency.code()
        )));
    }
    // `kept` has at most three digits.
    Ok(format!("{kept:0<width$}").parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(given: &str) -> Result<i64, String> {
        let currency = Currency::parse("EUR").unwrap();
        Money::parse(given, currency).map(|money| money.amount_minor).map_err(|reason| reason.to_string())
    }

    #[test]
    fn prices_are_read_as_people_write_them() {
        assert_eq!(eur("1,234.50"), Ok(123_450));
        assert_eq!(eur(" 12.5 "), Ok(1_250));
        assert_eq!(eur("12"), Ok(1_200));
        assert_eq!(eur("0.05"), Ok(5));
        assert_eq!(eur("-0.05"), Ok(-5));
        assert_eq!(eur("12.500"), Ok(1_250));
        assert_eq!(eur("1,000,000"), Ok(100_000_000));
    }

    #[test]
    fn prices_that_could_mean_something_else_are_refused_with_the_reason() {
        let comma = "has a comma that does not separate thousands; decimals are written with a point";
        assert_eq!(eur("12,50"), Err(comma.into()));
        assert_eq!(eur("1234,567"), Err(comma.into()));
        assert_eq!(eur(",123"), Err(comma.into()));
        assert_eq!(eur("12.345"), Err("has 3 decimal places, EUR has 2".into()));
        assert_eq!(eur("1.234,50"), Err("has more than one decimal sign".into()));
        assert_eq!(eur("€12"), Err("contains '€'; write the number alone, such as 1234.50".into()));
        assert_eq!(eur("1e3"), Err("contains 'e'; write the number alone, such as 1234.50".into()));
        assert_eq!(eur("12."), Err("ends with a decimal point".into()));
        assert_eq!(eur(".5"), Err("has no digits before the decimal point".into()));
        assert_eq!(eur("-"), Err("has no digits before the decimal point".into()));
        assert_eq!(eur(""), Err("is empty".into()));
        assert_eq!(eur("99999999999999999999"), Err("is too large".into()));
        assert_eq!(eur("9223372036854775807"), Err("is too large".into()));
    }

    #[test]
    fn decimal_places_follow_the_currency() {
        let yen = Currency::parse("jpy").unwrap();
        assert_eq!(Money::parse("1200.00", yen).unwrap().to_string(), "1200 JPY");
        assert!(Money::parse("1200.50", yen).is_err());
        let dinar = Currency::parse("KWD").unwrap();
        assert_eq!(Money::parse("1.5", dinar).unwrap().decimal(), "1.500");
        assert!(Currency::parse("EURO").is_err());
        assert!(Currency::parse("XYZ").is_err());
    }

    #[test]
    fn halves_round_away_from_zero() {
        let currency = Currency::parse("EUR").unwrap();
        let scaled = |amount_minor, numerator, denominator| {
            Money { amount_minor, currency }.scaled(numerator, denominator).map(|money| money.amount_minor)
        };
        assert_eq!(scaled(5, 1, 2), Some(3));
        assert_eq!(scaled(-5, 1, 2), Some(-3));
        assert_eq!(scaled(5, 1, -2), Some(-3));
        assert_eq!(scaled(100, 19, 100), Some(19));
        assert_eq!(scaled(1_049, 10, 100), Some(105));
        assert_eq!(scaled(1_044, 10, 100), Some(104));
        assert_eq!(scaled(1, 1, 0), None);
        assert_eq!(scaled(i64::MAX, 2, 1), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(amount_minor: i64, code in "EUR|JPY|KWD") {
            let currency = Currency::parse(&code).unwrap();
            let money = Money { amount_minor, currency };
            prop_assert_eq!(Money::parse(&money.decimal(), currency).unwrap(), money);
        }

        #[test]
        fn scaling_is_never_more_than_half_a_unit_off(
            amount_minor in -1_000_000_000_i64..1_000_000_000,
            numerator in -10_000_i64..10_000,
            denominator in 1_i64..10_000,
        ) {
            let currency = Currency::parse("EUR").unwrap();
            let scaled = Money { amount_minor, currency }.scaled(numerator, denominator).unwrap();
            let error = i128::from(scaled.amount_minor) * i128::from(denominator)
                - i128::from(amount_minor) * i128::from(numerator);
            prop_assert!(error.abs() * 2 <= i128::from(denominator));
        }

        #[test]
        fn no_text_makes_the_parser_panic(given in "\\PC{0,30}") {
            let _ = Money::parse(&given, Currency::parse("EUR").unwrap());
        }
    }
}

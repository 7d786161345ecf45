//! Twilio's two ways to write a time.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// 1 January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

struct Parts {
    weekday: &'static str,
    year: u64,
    month: usize,
    day: u64,
    clock: String,
}

/// Of the older API: `Fri, 24 May 2019 17:44:46 +0000`. `ms`: milliseconds since 1970.
pub(crate) fn rfc2822(ms: u64) -> String {
    let Parts { weekday, year, month, day, clock } = parts(ms);
    format!("{weekday}, {day:02} {} {year} {clock} +0000", MONTHS[month - 1])
}

/// Of the newer APIs: `2019-05-24T17:44:46Z`. `ms`: milliseconds since 1970.
pub(crate) fn iso(ms: u64) -> String {
    let Parts { year, month, day, clock, .. } = parts(ms);
    format!("{year:04}-{month:02}-{day:02}T{clock}Z")
}

fn parts(ms: u64) -> Parts {
    let seconds = ms / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    // Days counted from 1 March of the year 0, so that a leap day is the last of its year.
    let days_since_0 = days + 719_468;
    let era = days_since_0 / 146_097;
    let day_of_era = days_since_0 % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let month = usize::try_from(month).expect("one of twelve");
    let weekday = WEEKDAYS[usize::try_from(days % 7).expect("one of seven")];
    Parts { weekday, year, month, day, clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_twilio_writes_them() {
        assert_eq!(rfc2822(1_558_719_886_123), "Fri, 24 May 2019 17:44:46 +0000");
        assert_eq!(iso(1_558_719_886_123), "2019-05-24T17:44:46Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc2822(1_735_689_599_000), "Tue, 31 Dec 2024 23:59:59 +0000");
    }
}

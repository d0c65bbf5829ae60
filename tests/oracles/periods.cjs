// Prints, as JSON, the fixed periods that DHIS2's own front-end library makes for the years given:
//     node periods.cjs 2015 2030 > periods.json
// "periods" holds the types where its notation is the server's; "from_november" those where it is not: the library
// counts a year from November to the year it begins in, the server to the one it ends in.
"use strict";

const { createFixedPeriodFromPeriodId, generateFixedPeriods } = require("@dhis2/multi-calendar-dates");

const calendar = "gregory";
const generated = {
    Daily: "DAILY",
    Weekly: "WEEKLY",
    WeeklyWednesday: "WEEKLYWED",
    WeeklyThursday: "WEEKLYTHU",
    WeeklyFriday: "WEEKLYFRI",
    WeeklySaturday: "WEEKLYSAT",
    WeeklySunday: "WEEKLYSUN",
    BiWeekly: "BIWEEKLY",
    Monthly: "MONTHLY",
    BiMonthly: "BIMONTHLY",
    Quarterly: "QUARTERLY",
    SixMonthly: "SIXMONTHLY",
    SixMonthlyApril: "SIXMONTHLYAPR",
};
const yearly = {
    Yearly: "",
    FinancialFeb: "Feb",
    FinancialApril: "April",
    FinancialJuly: "July",
    FinancialAug: "Aug",
    FinancialSep: "Sep",
    FinancialOct: "Oct",
};
const [first, last] = process.argv.slice(2).map(Number);
const years = Array.from({ length: last - first + 1 }, (_, index) => first + index);
const line = (period) => `${period.id} ${period.startDate} ${period.endDate}`;
const ofYear = (periodType, year) => generateFixedPeriods({ year, calendar, periodType, locale: "en" }).map(line);
const ofId = (periodId) => line(createFixedPeriodFromPeriodId({ periodId, calendar }));

const periods = {};
for (const [name, periodType] of Object.entries(generated)) {
    // The library is slow with days, and a common year and a leap year say it all.
    for (const year of name === "Daily" ? years.slice(0, 2) : years) {
        const all = ofYear(periodType, year);
        // Days and weeks fill a year without a seam: the first, the last and their number say it all.
        periods[`${name} ${year}`] = all.length > 12 ? [all.length, all[0], all.at(-1)] : all;
    }
}
for (const [name, infix] of Object.entries(yearly)) {
    periods[name] = years.map((year) => ofId(`${year}${infix}`));
}
const from_november = [ofId(`${first}Nov`), ...ofYear("QUARTERLYNOV", first), ...ofYear("SIXMONTHLYNOV", first)];
const lines = Object.entries(periods).map(([name, found]) => `  ${JSON.stringify(name)}: ${JSON.stringify(found)}`);
console.log(`{"periods": {\n${lines.join(",\n")}\n},\n"from_november": ${JSON.stringify(from_november)}}`);

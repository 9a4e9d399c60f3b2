/*
 * Calendar dates and Julian day numbers, in integers only.
 *
 * The algorithm counts days from 1 March, so that the leap day is the last day of a year and
 * the lengths of the months follow one linear formula. Valid for the proleptic Gregorian calendar
 * from the year -4713 on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct date {
    int32_t year;
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
};

static const char *const WEEKDAYS[7] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};

static int is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int32_t year, int32_t month)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && is_leap(year));
}

/* Julian day number at noon of the date. */
int64_t julian_from_date(struct date d)
{
    int64_t shifted = (14 - d.month) / 12; /* 1 for January and February */
    int64_t year = (int64_t)d.year + 4800 - shifted;
    int64_t month = d.month + 12 * shifted - 3; /* March is 0 */
    return d.day + (153 * month + 2) / 5 + 365 * year + year / 4 - year / 100 + year / 400 - 32045;
}

struct date date_from_julian(int64_t julian)
{
    int64_t a = julian + 32044;
    int64_t century = (4 * a + 3) / 146097;
    int64_t in_century = a - 146097 * century / 4;
    int64_t year = (4 * in_century + 3) / 1461;
    int64_t in_year = in_century - 1461 * year / 4;
    int64_t month = (5 * in_year + 2) / 153;
    struct date d;
    d.day = (int32_t)(in_year - (153 * month + 2) / 5 + 1);
    d.month = (int32_t)(month + 3 - 12 * (month / 10));
    d.year = (int32_t)(100 * century + year - 4800 + month / 10);
    return d;
}

/* Parse YYYY-MM-DD; returns 0 where the text is no date of the calendar. */
int parse_date(const char *text, struct date *out)
{
    char rest;
    if (sscanf(text, "%d-%d-%d%c", &out->year, &out->month, &out->day, &rest) != 3)
        return 0;
    if (out->month < 1 || out->month > 12 || out->day < 1)
        return 0;
    return out->day <= days_in_month(out->year, out->month);
}

int main(int argc, char **argv)
{
    struct date from, to;
    if (argc != 3 || !parse_date(argv[1], &from) || !parse_date(argv[2], &to)) {
        fprintf(stderr, "usage: %s YYYY-MM-DD YYYY-MM-DD\n", argc > 0 ? argv[0] : "julian");
        return 2;
    }
    int64_t first = julian_from_date(from), last = julian_from_date(to);
    printf("%lld days, from a %s to a %s\n", (long long)(last - first), WEEKDAYS[first % 7],
           WEEKDAYS[last % 7]);
    struct date middle = date_from_julian(first + (last - first) / 2);
    printf("half way: %04d-%02d-%02d\n", middle.year, middle.month, middle.day);
    return EXIT_SUCCESS;
}

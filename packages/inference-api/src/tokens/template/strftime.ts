// SPDX-License-Identifier: Apache-2.0

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
const DAYS = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
] as const;

const two = (value: number): string => String(value).padStart(2, '0');

/**
 * What Python's `strftime` makes of a time (ms since the epoch) in UTC and the C locale, as containers of engines have
 * them. Throws a RangeError for a directive that no chat template is known to use.
 */
export function strftime(epochMs: number, format: string): string {
  const date = new Date(epochMs);
  const month = MONTHS[date.getUTCMonth()] ?? '';
  const day = DAYS[date.getUTCDay()] ?? '';
  const hour = date.getUTCHours();
  const directives: Readonly<Record<string, string>> = {
    '%': '%',
    A: day,
    B: month,
    H: two(hour),
    I: two(hour % 12 || 12),
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    Y: String(date.getUTCFullYear()),
    a: day.slice(0, 3),
    b: month.slice(0, 3),
    d: two(date.getUTCDate()),
    e: String(date.getUTCDate()).padStart(2, ' '),
    m: two(date.getUTCMonth() + 1),
    p: hour < 12 ? 'AM' : 'PM',
    y: two(date.getUTCFullYear() % 100),
    '-d': String(date.getUTCDate()),
    '-m': String(date.getUTCMonth() + 1),
  };
  return format.replace(/%(-?.)/gs, (directive, name: string) => {
    const value = directives[name];
    if (value === undefined) throw new RangeError(`the date directive ${directive} is not known`);
    return value;
  });
}

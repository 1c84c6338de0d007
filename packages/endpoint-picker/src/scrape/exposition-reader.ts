// SPDX-License-Identifier: Apache-2.0

/** One line of an exposition. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** How far around its last place a series is looked for before the whole text is searched. */
const NEIGHBOURHOOD_BYTES = 512;

/**
 * Reads the samples of one metric out of Prometheus text without looking at the rest.
 *
 * A real vLLM answers with 60 to 80 KB of which a handful of lines matters, twenty times a second for every
 * endpoint. So the reader searches for the metric's name at a line start, and begins where it found it the last
 * time: consecutive scrapes of one server differ by a few digits.
 */
export interface MetricReader {
  /** All samples of the metric, in order; those of one metric stand together, as the format demands. */
  read(text: Buffer): readonly Sample[];
}

/** A reader for the metric `name`. It remembers where the metric stood: use one per server. */
export function createMetricReader(name: string): MetricReader {
  const needle = Buffer.from(`\n${name}`);
  let lastStart = 0;

  const findFrom = (text: Buffer, from: number, until: number): number => {
    for (let at = from; ;) {
      const found = text.subarray(0, until).indexOf(needle, at);
      if (found < 0) return -1;
      const after = text[found + needle.length];
      if (after === OPEN || after === SPACE) return found + 1;
      at = found + needle.length;
    }
  };

  const findStart = (text: Buffer): number => {
    const near = Math.max(0, lastStart - NEIGHBOURHOOD_BYTES);
    const until = Math.min(text.length, lastStart + NEIGHBOURHOOD_BYTES);
    // A window may hide the first of several samples; it is the first only if the line before is not one of them.
    const nearby = findFrom(text, near, until);
    if (nearby >= 0 && !precededBySample(text, nearby, needle)) return nearby;
    if (text.subarray(0, needle.length - 1).equals(needle.subarray(1))) {
      const after = text[needle.length - 1];
      if (after === OPEN || after === SPACE) return 0;
    }
    return findFrom(text, 0, text.length);
  };

  return {
    read: (text) => {
      const samples: Sample[] = [];
      let start = findStart(text);
      if (start < 0) return samples;
      lastStart = start;
      while (startsWithMetric(text, start, needle)) {
        const end = lineEnd(text, start);
        const sample = parseSample(text, start + needle.length - 1, end);
        if (sample !== undefined) samples.push(sample);
        start = end + 1;
      }
      return samples;
    },
  };
}

function precededBySample(text: Buffer, start: number, needle: Buffer): boolean {
  if (start < 2) return false;
  const previous = text.lastIndexOf(NEWLINE, start - 2) + 1;
  return startsWithMetric(text, previous, needle);
}

function startsWithMetric(text: Buffer, start: number, needle: Buffer): boolean {
  const end = start + needle.length - 1;
  const after = text[end];
  return (
    (after === OPEN || after === SPACE) && text.compare(needle, 1, needle.length, start, end) === 0
  );
}

function lineEnd(text: Buffer, from: number): number {
  const end = text.indexOf(NEWLINE, from);
  return end < 0 ? text.length : end;
}

/** Reads `{labels} value [timestamp]`, beginning behind the name. Undefined where the line makes no sense. */
function parseSample(text: Buffer, from: number, end: number): Sample | undefined {
  const labels: Record<string, string> = {};
  let at = from;
  if (text[at] === OPEN) {
    at++;
    while (at < end && text[at] !== CLOSE) {
      const equals = text.indexOf('=', at);
      const open = equals + 1;
      if (equals < 0 || equals >= end || text[open] !== QUOTE) return undefined;
      const close = closingQuote(text, open + 1, end);
      if (close < 0) return undefined;
      labels[text.toString('latin1', at, equals).trim()] = unescape(
        text.toString('utf8', open + 1, close),
      );
      at = close + 1;
      if (text[at] === COMMA) at++;
    }
    at++;
  }
  const [number = ''] = text.toString('latin1', at, end).trim().split(' ', 1);
  const value = parseValue(number);
  return Number.isNaN(value) ? undefined : { labels, value };
}

function closingQuote(text: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (text[at] === BACKSLASH) at++;
    else if (text[at] === QUOTE) return at;
  }
  return -1;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '\\': '\\', '"': '"' };

function unescape(value: string): string {
  return value.includes('\\')
    ? value.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole)
    : value;
}

function parseValue(text: string): number {
  if (text === '') return NaN;
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

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
const EQUALS = 0x3d;
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
 * time: consecutive scrapes of one server differ by a few digits. For the same reason it keeps the labels it has
 * read: vLLM's `cache_config_info` alone has thirty, which never change.
 */
export interface MetricReader {
  /** All samples of the metric, in order; those of one metric stand together, as the format demands. */
  read(text: Buffer): readonly Sample[];
}

type Labels = Sample['labels'];

/** A label block, from brace to brace, and what it says. */
interface ReadLabels {
  readonly bytes: Buffer;
  readonly labels: Labels;
}

const NO_LABELS: ReadLabels = { bytes: Buffer.alloc(0), labels: {} };

/** A reader for the metric `name`. It remembers where the metric stood: use one per server. */
export function createMetricReader(name: string): MetricReader {
  const needle = Buffer.from(`\n${name}`);
  let lastStart = 0;
  /** Labels of the first, second, … line of the metric, as they were last read. */
  const known: ReadLabels[] = [];

  /** The labels that begin at `from`; undefined where they make no sense. */
  const labelsAt = (text: Buffer, from: number, line: number): ReadLabels | undefined => {
    if (text[from] !== OPEN) return NO_LABELS;
    const last = known[line];
    if (last !== undefined && startsWith(text, from, last.bytes)) return last;
    const read = readLabels(text, from);
    if (read !== undefined) known[line] = read;
    return read;
  };

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
      let line = 0;
      for (; startsWithMetric(text, start, needle); line++) {
        const end = lineEnd(text, start);
        const from = start + needle.length - 1;
        const read = labelsAt(text, from, line);
        const value = read && valueBetween(text, from + read.bytes.length, end);
        if (read !== undefined && value !== undefined) samples.push({ labels: read.labels, value });
        start = end + 1;
      }
      known.length = Math.min(known.length, line);
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

function startsWith(text: Buffer, from: number, bytes: Buffer): boolean {
  const end = from + bytes.length;
  return end <= text.length && text.compare(bytes, 0, bytes.length, from, end) === 0;
}

/** Reads `{labels}`. Undefined where it makes no sense within its line. */
function readLabels(text: Buffer, from: number): ReadLabels | undefined {
  const end = lineEnd(text, from);
  const labels: Record<string, string> = {};
  let at = from + 1;
  while (at < end && text[at] !== CLOSE) {
    const equals = text.indexOf(EQUALS, at);
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
  return at < end ? { bytes: Buffer.from(text.subarray(from, at + 1)), labels } : undefined;
}

/** Reads ` value [timestamp]`. Undefined where it is no number. */
function valueBetween(text: Buffer, from: number, end: number): number | undefined {
  const [number = ''] = text.toString('latin1', from, end).trim().split(' ', 1);
  const value = parseValue(number);
  return Number.isNaN(value) ? undefined : value;
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

// SPDX-License-Identifier: Apache-2.0

/** Where in a trace something was wrong. */
export interface TraceLocation {
  /** The file's name as the caller gave it. */
  readonly file: string;
  /** Line number, the first line being 1. */
  readonly line: number;
  /** Field of that line, when one is to blame. */
  readonly field?: string;
}

/** A trace that cannot be read; says where and why. */
export class TraceFormatError extends Error implements TraceLocation {
  readonly code = 'TRACE_FORMAT';
  readonly file: string;
  readonly line: number;
  readonly field?: string;
  constructor(location: TraceLocation, problem: string, options?: ErrorOptions) {
    const { file, line, field } = location;
    super(`${file}:${line}: ${field === undefined ? '' : `${field} `}${problem}`, options);
    this.name = 'TraceFormatError';
    this.file = file;
    this.line = line;
    if (field !== undefined) this.field = field;
  }
}

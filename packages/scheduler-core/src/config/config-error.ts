// SPDX-License-Identifier: Apache-2.0

/** Something that is wrong or doubtful in a configuration, and where. */
export interface ConfigProblem {
  /** Field in question, as `plugins[2].parameters.lruSize`; empty for the whole file. */
  readonly path: string;
  /** Line of the field, or of what surrounds it where the field is missing; from 1. */
  readonly line?: number;
  /** Column, from 1. */
  readonly column?: number;
  /** What is wrong and what is expected. */
  readonly message: string;
}

/** A configuration is refused. `problems` holds everything that was found, in the file's order. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  /** Name of the file or other origin. */
  readonly source: string;
  readonly problems: readonly ConfigProblem[];

  constructor(source: string, problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    const lines = problems.map((problem) => `\n  ${formatProblem(problem)}`);
    super(`${source} has ${count}:${lines.join('')}`);
    this.name = 'ConfigError';
    this.source = source;
    this.problems = problems;
  }
}

/** `12:7 plugins[2].type: message`, without what is not known. */
export function formatProblem({ path, line, column, message }: ConfigProblem): string {
  const position = line === undefined ? '' : `${line}:${column ?? 1} `;
  return `${position}${path === '' ? '' : `${path}: `}${message}`;
}

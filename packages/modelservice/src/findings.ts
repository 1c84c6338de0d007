// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '@llm-d/crd-types';

/** What a rendering has found. Problems prevent it, warnings do not. */
export interface Findings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Says what is wrong; nothing is rendered then. */
  problem(path: string, message: string): void;
  /** Says what was left out or is doubtful. */
  warn(path: string, message: string): void;
}

/** Findings, none so far. A finding that is reported twice counts once. */
export function createFindings(): Findings {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const add = (list: Problem[], path: string, message: string): void => {
    const known = list.some((other) => other.path === path && other.message === message);
    if (!known) list.push({ path, message });
  };
  return {
    problems,
    warnings,
    problem: (path, message) => {
      add(problems, path, message);
    },
    warn: (path, message) => {
      add(warnings, path, message);
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
import { createPickerRegistry } from '@llm-d/endpoint-picker';
import { lintConfig, loadConfig } from '@llm-d/scheduler-core';
import { Command } from 'commander';
import type { Output } from '../up/screen.ts';
import { drawLint } from './lint-view.ts';

export interface ConfigDeps {
  readonly output: Output;
  readonly color: boolean;
  readonly readFile: (path: string) => Promise<string>;
}

/** A configuration is valid, and what was found is not acceptable to whoever asked. */
export class LintFailedError extends Error {
  readonly code = 'LINT_FAILED';
  readonly warnings: number;
  constructor(file: string, warnings: number) {
    super(`${file} has ${warnings === 1 ? 'a warning' : `${warnings} warnings`}`);
    this.name = 'LintFailedError';
    this.warnings = warnings;
  }
}

interface LintFlags {
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly allowExperimentalPlugins?: boolean;
}

/** Adds `config lint`. */
export function registerConfigCommand(program: Command, deps: ConfigDeps): void {
  const config = program.command('config').description('work with EndpointPickerConfig files');
  config
    .command('lint <file>')
    .description(
      'check a configuration and explain it: weights, which signal can outweigh which, what can never take effect',
    )
    .option('--json', 'print the findings as JSON')
    .option('--strict', 'end with an error where there is a warning')
    .option('--allow-experimental-plugins', 'accept plugins of stability alpha')
    .action((file: string, flags: LintFlags) => lintFile(file, flags, deps));
}

async function lintFile(file: string, flags: LintFlags, deps: ConfigDeps): Promise<void> {
  const registry = createPickerRegistry();
  const config = loadConfig(await deps.readFile(file), {
    registry,
    source: file,
    allowExperimental: flags.allowExperimentalPlugins ?? false,
  });
  const { findings, ...explained } = lintConfig(config, registry);
  const accepted = config.warnings.map(({ path, message }) => ({
    severity: 'warning' as const,
    subject: path,
    message,
  }));
  const lint = { ...explained, findings: [...accepted, ...findings] };
  const text = flags.json ? `${JSON.stringify(lint, null, 2)}\n` : drawLint(lint, deps);
  deps.output.write(text);
  const warnings = lint.findings.filter(({ severity }) => severity === 'warning').length;
  if (flags.strict && warnings > 0) throw new LintFailedError(file, warnings);
}

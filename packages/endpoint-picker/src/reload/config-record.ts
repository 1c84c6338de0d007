// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  formatConfigDiff,
  formatProblem,
  type ConfigProblem,
  type ResolvedConfig,
} from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { RunningPicker } from '../running-picker.ts';
import { configGeneration, configLastReloadSuccess, configReloadsTotal } from './config-metrics.ts';
import type { RetiringGeneration } from './generations.ts';
import type { ReloadOutcome } from './reload-outcome.ts';

/** The last time that another configuration was tried. */
export interface ConfigAttempt {
  /** ISO 8601. */
  readonly at: string;
  readonly result: ReloadOutcome['kind'];
  /** Of the text that was tried; undefined where it could not be read. */
  readonly sha256: string | undefined;
  /** Of an invalid one. */
  readonly problems?: readonly ConfigProblem[];
  /** Why one was refused that is valid. */
  readonly reason?: string;
}

/** The configuration in force, for people: plain data. */
export interface ConfigState {
  readonly generation: number;
  /** Name of the file or other origin. */
  readonly source: string;
  /** When its text was loaded, ISO 8601. */
  readonly loadedAt: string;
  /** First digits of its text's hash; undefined where it is built in. */
  readonly sha256: string | undefined;
  readonly warnings: readonly ConfigProblem[];
  /** Undefined where nothing else was ever tried. */
  readonly lastAttempt: ConfigAttempt | undefined;
  /** Replaced configurations that still have requests. */
  readonly retiring: readonly RetiringGeneration[];
  /** Every default filled in. */
  readonly config: Omit<ResolvedConfig, 'source' | 'warnings'>;
}

/** Somebody tried another configuration. */
export interface TriedConfig {
  /** Undefined where it could not be read. */
  readonly text: string | undefined;
  readonly outcome: ReloadOutcome;
  /** What is doubtful about it. Default nothing. */
  readonly warnings?: readonly ConfigProblem[];
}

export interface ConfigRecordOptions {
  readonly running: RunningPicker;
  /** Text of the configuration that runs; undefined where it is built in. */
  readonly text: string | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Remembers, logs and measures which configuration is in force. */
export interface ConfigRecord {
  state(): ConfigState;
  tried(tried: TriedConfig): void;
}

/** Begins the record of a running picker. */
export function createConfigRecord(options: ConfigRecordOptions): ConfigRecord {
  const { running, clock, telemetry } = options;
  const { metrics, logger } = telemetry;
  const now = (): string => new Date(clock.epochMs()).toISOString();
  let inForce = {
    loadedAt: now(),
    sha256: hashOf(options.text),
    warnings: running.config.warnings,
  };
  let lastAttempt: ConfigAttempt | undefined;
  const loaded = (): void => {
    metrics.gauge(configGeneration, {}).set(running.generation);
    metrics.gauge(configLastReloadSuccess, {}).set(clock.epochMs() / 1000);
  };
  loaded();
  // A series that appears with its first value hides that value from `increase`.
  for (const result of ['applied', 'unchanged', 'invalid', 'refused'] as const) {
    metrics.counter(configReloadsTotal, { result }).inc(0);
  }

  const log = (outcome: ReloadOutcome, warnings: readonly ConfigProblem[]): void => {
    const { source } = running.config;
    switch (outcome.kind) {
      case 'applied': {
        const { generation, diff, recreated } = outcome;
        const kept = diff.plugins.kept.length - recreated.length;
        const changes = formatConfigDiff(diff).split('\n');
        logger.info('configuration taken over', { source, generation, changes, kept, recreated });
        for (const warning of warnings) logger.warn('configuration warning', { ...warning });
        return;
      }
      case 'unchanged':
        logger.info('the configuration was written anew and nothing runs differently', { source });
        return;
      case 'invalid':
        logger.error('configuration not taken over: it is invalid, the old one stays in force', {
          source,
          problems: outcome.problems.map(formatProblem),
        });
        return;
      case 'refused':
        logger.error('configuration not taken over, the old one stays in force', {
          source,
          reason: outcome.reason,
        });
    }
  };

  return {
    state: () => {
      const { source, warnings: _, ...config } = running.config;
      const { generation, retiring } = running;
      return { generation, source, ...inForce, lastAttempt, retiring, config };
    },
    tried: ({ text, outcome, warnings = [] }) => {
      const sha256 = hashOf(text);
      const at = now();
      lastAttempt = {
        at,
        result: outcome.kind,
        sha256,
        ...(outcome.kind === 'invalid' && { problems: outcome.problems }),
        ...(outcome.kind === 'refused' && { reason: outcome.reason }),
      };
      metrics.counter(configReloadsTotal, { result: outcome.kind }).inc();
      if (outcome.kind === 'applied' || outcome.kind === 'unchanged') {
        inForce = { loadedAt: at, sha256, warnings };
        loaded();
      }
      log(outcome, warnings);
    },
  };
}

/** The state as YAML. */
export const configStateYaml = (state: ConfigState): string => stringify(state);

const hashOf = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : createHash('sha256').update(text).digest('hex').slice(0, 12);

// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import type { Telemetry } from '@llm-d/telemetry';
import type * as z from 'zod';
import type { Attribute } from './attribute.ts';
import type { Plugin } from './plugin-contracts.ts';

/** Where a plugin takes part in a request's life. */
export type ExtensionPoint =
  | 'filter'
  | 'scorer'
  | 'picker'
  | 'profile-handler'
  | 'decider'
  | 'admitter'
  | 'screener'
  | 'request-headers'
  | 'data-producer'
  | 'pre-request'
  | 'response'
  | 'saturation-detector'
  | 'ordering-policy'
  | 'fairness-policy'
  | 'usage-limit-policy'
  | 'eviction-filter'
  | 'eviction-ordering'
  | StructuralPoint;

/**
 * Points whose instances are built by whoever embeds the scheduler, out of the settled parameters:
 * this package only checks that they are configured and referred to correctly.
 */
export type StructuralPoint = 'parser' | 'data-source' | 'extractor' | 'discovery';

/** What a plugin instance may use besides its parameters. */
export interface PluginContext {
  /** Name of the instance. */
  readonly name: string;
  readonly random: Random;
  /** For what happens between requests; within a decision only the cycle's `nowMs` counts. */
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /**
   * Another instance by name. Only for names that {@link PluginDefinition.references} gave; those are
   * created first.
   */
  plugin(name: string): Plugin;
}

/** What the scores of a scorer can be, for explaining a configuration. */
export interface ScoreTraits {
  /** Lowest and highest score it gives. */
  readonly range: readonly [low: number, high: number];
  /**
   * `relative`: the best candidate gets the highest and the worst the lowest score, however small their difference.
   * `absolute`: in proportion to what is measured. `steps`: one of a few values.
   */
  readonly scale: 'relative' | 'absolute' | 'steps';
}

/** Another instance that a plugin works with. */
export interface PluginReference {
  readonly name: string;
  /** What it must serve. Default anything. */
  readonly point?: ExtensionPoint;
}

/** A parameter that a configuration had better not have. */
export interface FormerParameter {
  /** Dotted, such as `tokenProcessorConfig.blockSize`. */
  readonly path: string;
  /** What to do instead: the rest of a sentence that says it is deprecated. */
  readonly advice: string;
}

/**
 * A kind of plugin. `create` is called once for every instance in a configuration, with parameters that
 * passed the schema, defaults filled in.
 */
export interface PluginDefinition<P = unknown> {
  /** Name in configurations, as llm-d calls it where llm-d has it. */
  readonly type: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** Alpha plugins need the flag `--allow-experimental-plugins`. */
  readonly stability: 'alpha' | 'beta';
  readonly points: readonly ExtensionPoint[];
  /** A strict object; unknown fields are refused with their path. Every field has a description. */
  readonly parameters: z.ZodType<P>;
  /** Parameters that are accepted for the sake of older configurations; giving one is warned of. Default none. */
  readonly formerParameters?: readonly FormerParameter[];
  /** What to use instead of a type that is still accepted: the rest of a sentence that says it is deprecated. */
  readonly deprecated?: string;
  /** Instances that `create` looks up. Default none. */
  readonly references?: (parameters: P) => readonly PluginReference[];
  /** Attributes an instance reads; each needs a producer, which may be created by default. Default none. */
  readonly consumes?: (parameters: P) => readonly Attribute<unknown>[];
  /** Attributes an instance can do without: where nobody produces one, the user is warned. Default none. */
  readonly mayConsume?: (parameters: P) => readonly Attribute<unknown>[];
  /**
   * What is wrong with the names of the profiles that an instance has to handle, or undefined. For profile
   * handlers. Default nothing.
   */
  readonly profileProblem?: (parameters: P, profiles: readonly string[]) => string | undefined;
  /** Attributes an instance called `name` sets as a data producer. Default none. */
  readonly produces?: (parameters: P, name: string) => readonly Attribute<unknown>[];
  /** What its scores can be, for scorers. Default 0 to 1, in proportion. */
  readonly scores?: (parameters: P) => ScoreTraits;
  /** Whether an instance may be created on its own because another plugin consumes what it produces. */
  readonly isDefaultProducer?: boolean;
  readonly create: (parameters: P, context: PluginContext) => Plugin;
}

/** Declares a plugin type; only gives `P` its inferred type. */
export function definePlugin<P>(definition: PluginDefinition<P>): PluginDefinition<P> {
  return definition;
}

/** What a structural plugin type consists of. */
export type StructuralPluginDefinition<P> = Pick<
  PluginDefinition<P>,
  'type' | 'summary' | 'stability' | 'parameters'
> & { readonly points: readonly StructuralPoint[] };

/**
 * Declares a type that is configured like a plugin and built elsewhere, such as a parser or a metrics
 * source. Its instances do nothing in the scheduler; their parameters are in the resolved configuration.
 */
export function defineStructuralPlugin<P>(
  definition: StructuralPluginDefinition<P>,
): PluginDefinition<P> {
  return { ...definition, create: () => ({}) };
}

/**
 * A definition whose parameter type is forgotten, as a registry keeps it. The parameters reach `create`
 * only through the definition's own schema, so the pair stays consistent.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- P is both consumed and produced; only `any` erases it
export type AnyPluginDefinition = PluginDefinition<any>;

/** Names of the instances that one with these parameters refers to. */
export const namesReferred = (
  { references }: AnyPluginDefinition,
  parameters: unknown,
): readonly string[] => references?.(parameters).map(({ name }) => name) ?? [];

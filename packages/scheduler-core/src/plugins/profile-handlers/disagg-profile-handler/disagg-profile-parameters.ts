// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const profile = (name: string) =>
  z.string().min(1).default(name).describe(`Profile of the stage ${name}.`);
const decider = (description: string) => z.string().optional().describe(description);
const former = (now: string) =>
  z.string().min(1).optional().describe(`Deprecated: ${now}, which it stands in for.`);

/** Parameters of the handler, the present ones and the former, flat ones. */
export const disaggProfileParameters = z
  .strictObject({
    stageOrder: z
      .enum(['decode-first', 'prefill-first'])
      .default('decode-first')
      .describe('Whether the decoding endpoint is chosen first or last.'),
    profiles: z
      .strictObject({
        decode: profile('decode'),
        prefill: profile('prefill'),
        encode: profile('encode'),
      })
      .prefault({})
      .describe('Profiles that choose the endpoints of each stage.'),
    deciders: z
      .strictObject({
        prefill: decider(
          'Plugin that decides whether prefill runs apart; without one decode-first never does it.',
        ),
        encode: decider(
          'Plugin that decides whether encode runs apart; without one it never does.',
        ),
      })
      .prefault({})
      .describe('Plugins that decide for each request which stages run apart.'),
    decodeProfile: former('profiles.decode'),
    prefillProfile: former('profiles.prefill'),
    encodeProfile: former('profiles.encode'),
    prefillDeciderPluginName: former('deciders.prefill'),
    deciderPluginName: former('deciders.prefill'),
    encodeDeciderPluginName: former('deciders.encode'),
  })
  .refine((p) => p.stageOrder === 'decode-first' || !prefillDeciderOf(p), {
    error: 'prefill-first always prefills apart: it takes no prefill decider',
    path: ['deciders', 'prefill'],
  });

/** What {@link disaggProfileParameters} settles, as far as deciders and profiles go. */
interface Named {
  readonly profiles: { readonly decode: string; readonly prefill: string; readonly encode: string };
  readonly deciders: {
    readonly prefill?: string | undefined;
    readonly encode?: string | undefined;
  };
  readonly decodeProfile?: string | undefined;
  readonly prefillProfile?: string | undefined;
  readonly encodeProfile?: string | undefined;
  readonly prefillDeciderPluginName?: string | undefined;
  readonly deciderPluginName?: string | undefined;
  readonly encodeDeciderPluginName?: string | undefined;
}

/** Profiles by stage; former names count where they are given, since the present ones have defaults. */
export const stageProfilesOf = (p: Named): Named['profiles'] => ({
  decode: p.decodeProfile ?? p.profiles.decode,
  prefill: p.prefillProfile ?? p.profiles.prefill,
  encode: p.encodeProfile ?? p.profiles.encode,
});

/** Name of the plugin that decides about prefill. */
export const prefillDeciderOf = (p: Named): string | undefined =>
  p.deciders.prefill ?? p.prefillDeciderPluginName ?? p.deciderPluginName;

/** Name of the plugin that decides about encoding. */
export const encodeDeciderOf = (p: Named): string | undefined =>
  p.deciders.encode ?? p.encodeDeciderPluginName;

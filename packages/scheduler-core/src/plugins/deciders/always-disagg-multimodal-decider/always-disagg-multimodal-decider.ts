// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

const NO_MEDIA = { disaggregate: false, reason: 'no media in the prompt' };

/** Prompts with pictures, sounds or films have them encoded elsewhere. */
export const alwaysDisaggMultimodalDecider = definePlugin({
  type: 'always-disagg-multimodal-decider',
  summary: 'Has the media of every prompt that has any encoded on endpoints of their own.',
  stability: 'beta',
  points: ['decider'],
  parameters: noParameters,
  create: () => ({
    decider: {
      decide: ({ request: { mediaItems = [] } }) =>
        mediaItems.length === 0
          ? NO_MEDIA
          : { disaggregate: true, reason: `media items in the prompt: ${mediaItems.length}` },
    },
  }),
});

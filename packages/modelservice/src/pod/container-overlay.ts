// SPDX-License-Identifier: Apache-2.0
import { textsAt, type JsonObject } from '../json.ts';
import { strategicMerge } from '../merge/strategic-merge.ts';
import type { Container, PodTemplate } from './pod.ts';

/** A container as a ModelService lays it over another one. */
export type OverlayContainer = Container & { readonly mountModelVolume?: boolean };

/**
 * A pod template with containers laid over those of the same name: arguments before those that are there, everything
 * else merged by name, so that no environment is lost. Containers of other names are added.
 */
export function overlayContainers(
  template: PodTemplate,
  list: 'containers' | 'initContainers',
  overlays: readonly OverlayContainer[],
): PodTemplate {
  if (overlays.length === 0) return template;
  const before = template.spec?.[list] ?? [];
  const patches = overlays.map(({ mountModelVolume: _, ...overlay }) => {
    const base = before.find(({ name }) => name === overlay.name);
    const args = [...textsAt(overlay, 'args'), ...textsAt(base, 'args')];
    const { command, ...rest } = overlay;
    return {
      ...rest,
      ...(command !== undefined && command.length > 0 && { command }),
      ...(args.length > 0 && { args }),
    };
  });
  const spec: JsonObject = strategicMerge(template.spec ?? {}, { [list]: patches });
  return { ...template, spec };
}

// SPDX-License-Identifier: Apache-2.0
import { embeddedProfiles } from './gen/embedded-profiles.ts';
import type { EngineProfile } from './profile.ts';

/** The profiles of `profiles/*.yaml`, embedded so that a bundled program needs no files. Sorted by name. */
export const builtInProfiles: readonly EngineProfile[] = embeddedProfiles;

/** The built-in profile of that name, undefined if there is none. */
export function findBuiltInProfile(name: string): EngineProfile | undefined {
  return builtInProfiles.find((profile) => profile.name === name);
}

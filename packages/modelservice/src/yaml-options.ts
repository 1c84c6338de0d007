// SPDX-License-Identifier: Apache-2.0
import type { CreateNodeOptions, DocumentOptions, SchemaOptions, ToStringOptions } from 'yaml';

/** How objects are written as YAML: for readers of version 1.1 too, which take an unquoted `yes` for a truth value. */
export const yamlOptions: DocumentOptions & SchemaOptions & CreateNodeOptions & ToStringOptions = {
  schema: 'yaml-1.1',
  aliasDuplicateObjects: false,
  lineWidth: 0,
};

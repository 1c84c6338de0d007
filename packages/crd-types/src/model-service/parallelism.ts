// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { int32, withRules } from '../schema.ts';

const degree = (description: string) => Type.Optional(int32({ minimum: 1, description }));
const divides = (part: number | undefined, whole: number | undefined): boolean =>
  part === undefined || whole === undefined || whole % part === 0;

/** How an engine is spread over accelerators and pods. */
export const parallelismSchema = withRules(
  Type.Object(
    {
      tensor: Type.Optional(
        int32({ minimum: 0, description: 'Accelerators that share every layer. Default 1.' }),
      ),
      pipeline: degree('Accelerators that share the layers out. Default 1.'),
      data: degree('Replicas inside one engine, over all its pods. Default dataLocal x workers.'),
      dataLocal: degree('Of these, how many in a pod. Default data / workers.'),
      workers: degree('Pods of one engine. Default data / dataLocal.'),
      expert: Type.Optional(
        Type.Boolean({ description: 'Experts are spread over all accelerators of the engine.' }),
      ),
      rankPorts: Type.Optional(
        Type.Boolean({
          description:
            'Every local replica has a port of its own and the endpoint picker chooses among them. Default where an engine has several pods.',
        }),
      ),
    },
    { description: 'How an engine is spread over accelerators and pods.' },
  ),
  [
    {
      rule: '!has(self.data) || !has(self.dataLocal) || self.data % self.dataLocal == 0',
      message: 'dataLocal must divide data',
      holds: ({ data, dataLocal }) => divides(dataLocal, data),
    },
    {
      rule: '!has(self.data) || !has(self.workers) || self.data % self.workers == 0',
      message: 'workers must divide data',
      holds: ({ data, workers }) => divides(workers, data),
    },
  ],
);

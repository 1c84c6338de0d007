// SPDX-License-Identifier: Apache-2.0

/** Who publishes, as the topic of a message says. */
export interface EventTopic {
  readonly pod: string;
  /** Empty where the topic does not name it. */
  readonly model: string;
}

/**
 * Reads `kv@<pod>@<model>`. The first two `@` divide, so a model may have more of them; a topic without any is a pod's
 * name, as llm-d takes it.
 */
export function parseEventTopic(topic: string): EventTopic {
  const first = topic.indexOf('@');
  if (first < 0) return { pod: topic, model: '' };
  const second = topic.indexOf('@', first + 1);
  if (second < 0) return { pod: topic.slice(first + 1), model: '' };
  return { pod: topic.slice(first + 1, second), model: topic.slice(second + 1) };
}

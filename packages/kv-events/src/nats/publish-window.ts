// SPDX-License-Identifier: Apache-2.0

export interface PublishWindowOptions {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Lets in as many messages as may be under way, first come, first served. One that is larger than all goes alone. */
export class PublishWindow {
  readonly #options: PublishWindowOptions;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  #messages = 0;
  #bytes = 0;

  constructor(options: PublishWindowOptions) {
    this.#options = options;
  }

  /** Messages inside. */
  get messages(): number {
    return this.#messages;
  }

  /** Fulfilled when there is room; the caller calls {@link leave} once. */
  async enter(bytes: number): Promise<void> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push({ bytes, enter: resolve });
      });
    } else this.#count(bytes);
  }

  leave(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#count(next.bytes);
      next.enter();
    }
  }

  #fits(bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#options;
    return (
      this.#messages === 0 || (this.#messages < maxMessages && this.#bytes + bytes <= maxBytes)
    );
  }

  #count(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
  }
}

// A phone with a code app: it knows a key and the time (RFC 6238), by other means than the program.

import { createHmac } from "node:crypto";

const STEP_SECONDS = 30;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export class Phone {
  #key;
  #last = 0;

  /** Types the key from the page into the app. */
  constructor(text) {
    const bits = [...text.replace(/\s/g, "")].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0"));
    this.#key = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  }

  /** A code that has not been used yet; early if need be, which the program accepts by one step. */
  code() {
    const now = Math.floor(Date.now() / 1000 / STEP_SECONDS);
    this.#last = Math.max(now, this.#last + 1);
    return this.#at(this.#last);
  }

  /** A code that it never shows around now. */
  wrongCode() {
    const now = Math.floor(Date.now() / 1000 / STEP_SECONDS);
    const near = [-2, -1, 0, 1, 2, 3].map((step) => this.#at(now + step));
    return ["000000", "111111", "222222", "333333", "444444", "555555", "666666"].find((code) => !near.includes(code));
  }

  #at(step) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const tag = createHmac("sha1", this.#key).update(counter).digest();
    const part = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
    return String(part % 1_000_000).padStart(6, "0");
  }
}

'use strict';

/** Slot numbers from 0 up, the lowest free one first. Taking and giving back take O(log n). */
class FreeSlots {
  /** Slots that were given back: a binary min-heap. */
  #returned = [];
  #unused = 0;

  /** @returns {number} the lowest free slot, which is taken now */
  take() {
    if (this.#returned.length === 0) return this.#unused++;
    const heap = this.#returned;
    const lowest = heap[0];
    const last = heap.pop();
    if (heap.length > 0) this.#sink(last);
    return lowest;
  }

  /** @param {number} slot from `take`, free again */
  giveBack(slot) {
    const heap = this.#returned;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent] < slot) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = slot;
  }

  /** Puts a slot at the root, and moves it down to where it belongs. */
  #sink(slot) {
    const heap = this.#returned;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
      if (heap[child] > slot) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = slot;
  }
}

module.exports = { FreeSlots };

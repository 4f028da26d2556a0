import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Intrinsics, QuickJS } from 'quickjs-wasi';
import { ENGINE_MEMORY_BYTES, ENGINE_STACK_BYTES, FUEL_BEFORE_WORK } from '../limits.ts';

/** The fuel is used up and the script went on: thrown through the engine, which is of no use afterwards. */
export class FuelSpent extends Error {
  override name = 'FuelSpent';
}

/** Ticks after the fuel in which an engine may still unwind. */
const UNWINDING_TICKS = 20;
/** So that what an exchange may hand over, in number and in size, takes half of its fuel each. */
const OPERATION_CHARS = 700;
const CHARS_A_TICK = 70_000;
const ERRNO_SUCCESS = 0;

/** Counted, never timed: a clock would make two runs of a script differ. */
export class Fuel {
  readonly #most: number;
  #onWork: (() => void) | undefined;
  #ticks = 0;
  #handed = 0;
  #onSpent: (() => void) | undefined;

  /** `onWork` is called once, when a script turns out to be one that computes a lot. */
  constructor(ticks: number, onWork: () => void) {
    this.#most = ticks;
    this.#onWork = onWork;
  }

  /** `onSpent` is called once, on top of whatever runs. */
  refill(onSpent: () => void): void {
    this.#ticks = 0;
    this.#onSpent = onSpent;
  }

  get isSpent(): boolean {
    return this.#ticks > this.#most;
  }

  /** An operation of the host costs more than a step, by what is handed over; false: there is no fuel for it. */
  operate(chars: number): boolean {
    this.#handed += OPERATION_CHARS + chars;
    for (; this.#handed >= CHARS_A_TICK; this.#handed -= CHARS_A_TICK) this.#ticks++;
    return !this.isSpent;
  }

  /** Whether to interrupt what runs; throws `FuelSpent` where that did not end it. */
  tick(): boolean {
    this.#ticks++;
    if (this.#ticks > this.#most * FUEL_BEFORE_WORK) {
      this.#onWork?.();
      this.#onWork = undefined;
    }
    if (!this.isSpent) return false;
    const onSpent = this.#onSpent;
    this.#onSpent = undefined;
    onSpent?.();
    if (this.#ticks > this.#most + UNWINDING_TICKS) throw new FuelSpent('the fuel is used up');
    return true;
  }
}

/** Of it no more is used here; Node's types leave it out. */
interface WebAssemblyGlobal {
  WebAssembly: { compile(bytes: Uint8Array): Promise<object> };
}

/** Once a process. */
let compiled: Promise<object> | undefined;

async function compile(): Promise<object> {
  const bytes = await readFile(fileURLToPath(import.meta.resolve('quickjs-wasi/quickjs.wasm')));
  return (globalThis as unknown as WebAssemblyGlobal).WebAssembly.compile(bytes);
}

/** An engine that has no clock, no chance and no world (reference/script-sandbox.md). */
export async function createMachine(fuel: Fuel, clockMs: number): Promise<QuickJS> {
  const { ALL, PERFORMANCE, WEAK_REF } = Intrinsics;
  return QuickJS.create({
    wasm: await (compiled ??= compile()),
    memoryLimit: ENGINE_MEMORY_BYTES,
    maxStackSize: ENGINE_STACK_BYTES,
    timezoneOffset: 0,
    // What a garbage collector has taken differs between runs.
    intrinsics: ALL & ~PERFORMANCE & ~WEAK_REF,
    interruptHandler: () => fuel.tick(),
    wasi: (memory: { buffer: ArrayBuffer }) => ({
      clock_time_get(_clock: number, _precision: bigint, at: number) {
        new DataView(memory.buffer).setBigUint64(at, BigInt(clockMs) * 1_000_000n, true);
        return ERRNO_SUCCESS;
      },
      random_get(at: number, length: number) {
        new Uint8Array(memory.buffer, at, length).fill(0);
        return ERRNO_SUCCESS;
      },
      /** Swallowed: nobody reads what an engine complains of. */
      fd_write(_fd: number, vectors: number, count: number, written: number) {
        const view = new DataView(memory.buffer);
        let bytes = 0;
        for (let i = 0; i < count; i++) bytes += view.getUint32(vectors + i * 8 + 4, true);
        view.setUint32(written, bytes, true);
        return ERRNO_SUCCESS;
      },
    }),
  });
}

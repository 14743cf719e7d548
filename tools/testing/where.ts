import { describe, it, type TestContext } from 'vitest';

type Test = (name: string, body: (context: TestContext) => void | Promise<void>) => void;
type Suite = (name: string, body: () => void) => void;

/**
 * Tests of what only some machines have (root, strace, other people's recordings beside the checkout): there they count,
 * elsewhere they do not exist. A skipped test fails the suite, because what the product needs must never be skipped.
 */
export function itWhere(holds: boolean): Test {
  return holds ? it : () => undefined;
}

export function describeWhere(holds: boolean): Suite {
  return holds ? describe : () => undefined;
}

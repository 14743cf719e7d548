import type { TestProject } from 'vitest/node';
import { ensureControlPlane } from './build.mjs';
import { ControlPlane, type ControlPlaneAddress } from './control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The control plane that all tests of a run share. */
    controlPlane: ControlPlaneAddress;
  }
}

/** Vitest calls this once before the tests that need a control plane: waits for the build, and starts one for all of them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const programs = await ensureControlPlane();
  const plane = await ControlPlane.start({ programs });
  project.provide('controlPlane', plane.address);
  return () => plane.stop();
}

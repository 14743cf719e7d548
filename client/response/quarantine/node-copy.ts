import type { JsonValue } from '../../../base/canonical-json.ts';
import type { Timers } from '../../../base/time.ts';
import { askHelper, type HelperAccess } from '../../capture/ask.ts';

/** What the helper of a pod's node does for the desk. */
export type NodeCopy = Readonly<{
  /** Freezes the pod and copies its processes' state; what keeps it from that stands in the evidence instead. */
  take(pod: JsonValue): Promise<JsonValue>;
  /** The pod is isolated, or will not be: it goes on. Its deadline thaws it where nobody hears this. */
  release(uid: string): Promise<void>;
}>;

/** `access`: undefined where no helper is configured, and then nothing is copied and nothing said. */
export function nodeCopy(access: HelperAccess | undefined, timers: Timers): NodeCopy | undefined {
  if (access === undefined) return undefined;
  const addresses = new Map<string, string>();
  return {
    async take(pod) {
      const { metadata, status } = pod as Readonly<{ metadata?: { uid?: string }; status?: { hostIP?: string } }>;
      const [uid, address] = [metadata?.uid ?? '', status?.hostIP ?? ''];
      if (address === '') return { unavailable: 'the pod is on no node yet' };
      const { holdSeconds, memoryBytes } = access;
      addresses.set(uid, address);
      const asked = await askHelper(
        access,
        address,
        '/capture',
        { uid, holdMs: holdSeconds * 1_000, memoryBytes },
        timers,
      );
      return asked.ok ? asked.value : { unavailable: `${asked.fault.code}: ${asked.fault.message}` };
    },
    async release(uid) {
      const address = addresses.get(uid);
      if (address === undefined) return;
      addresses.delete(uid);
      await askHelper(access, address, '/thaw', { uid }, timers);
    },
  };
}

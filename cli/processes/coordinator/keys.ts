import { systemTimers } from '../../../base/system-timers.ts';
import type { CoordinatorConfig } from '../../../coordinator/config/config.ts';
import type { Ground } from '../../../coordinator/ground.ts';
import type { CoordinatorKeys } from '../../../coordinator/keys/coordinator-keys.ts';
import { orExit } from '../../exit.ts';

/** Calls `act` with the keys of a coordinator that may be running, and with what it stands on; then lets go of that. */
export async function withKeys<Value>(
  config: CoordinatorConfig,
  act: (keys: CoordinatorKeys, ground: Ground) => Promise<Value>,
): Promise<Value> {
  const { openCoordinatorKeys } = await import('../../../coordinator/keys/coordinator-keys.ts');
  const { readMasterKey } = await import('../../../coordinator/keys/master-key.ts');
  const { openGround } = await import('../../../coordinator/ground.ts');
  const masterKey = orExit(await readMasterKey(config.masterKey));
  const ground = orExit(await openGround(config, process.env, systemTimers));
  try {
    const keys = orExit(await openCoordinatorKeys(ground.identity, config.federation, masterKey, Date.now()));
    return await act(keys, ground);
  } finally {
    await ground.close();
  }
}

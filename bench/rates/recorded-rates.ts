import { defaultRates, type WorkloadRatesOptions } from '../../client/rates/workload-rates.ts';

/**
 * A recording lasts two to four minutes and was driven as fast as it went: ten seconds of it stand for a minute, and five of these
 * for the ten that a client waits for. Everything else is as in a client.
 */
export const recordedRates: WorkloadRatesOptions = { ...defaultRates, intervalMs: 10_000, intervalsMin: 5 };

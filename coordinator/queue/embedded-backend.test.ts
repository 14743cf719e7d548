import { systemTimers } from '../../base/system-timers.ts';
import { placesIn } from '../candidate/places.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import { backendContract } from './backend-contract.ts';
import { TimerWaker } from './timer-waker.ts';

backendContract('the embedded one', async (dataDir, keyStore) => ({
  waker: new TimerWaker(systemTimers),
  runner: new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers }),
}));

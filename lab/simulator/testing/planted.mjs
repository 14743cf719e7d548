/** Loaded by `--import`, after what takes the types away: plants the mutation that TESTUDO_PLANTED names. */
import { plant } from '../mutations/plant.ts';

plant(process.env.TESTUDO_PLANTED ?? '');

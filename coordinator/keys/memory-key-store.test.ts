import { keyStoreContract } from './key-store-contract.ts';
import { MemoryKeyStore } from './memory-key-store.ts';

keyStoreContract('memory', async () => new MemoryKeyStore());

import { serveTraining } from './serve-training.ts';

serveTraining();

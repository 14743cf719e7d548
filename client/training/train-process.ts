import { createLearner } from './built-in-learners.ts';
import { serveTraining } from './serve-training.ts';

serveTraining(createLearner);

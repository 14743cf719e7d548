import { serveTraining } from '../serve-training.ts';
import { createLearner } from './histogram-learner.ts';

serveTraining(createLearner);

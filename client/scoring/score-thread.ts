/** The thread in which a client scores: models and their arithmetic stay off the event loop. */
import { serveThread } from '../../base/thread-link.ts';
import { ScoreDesk } from './score-desk.ts';
import type { ToScorer } from './score-protocol.ts';

const desk = new ScoreDesk();

serveThread((message: ToScorer) => desk.answer(message));

// The torture modules of tasklets, irq_work and hrtimers.
import { torture_suite } from './torture-suite.js';

torture_suite('interrupts');

// The torture modules of RCU and of lists under RCU.
import { torture_suite } from './torture-suite.js';

torture_suite('rcu', { schedules: 40 });

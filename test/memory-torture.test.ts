// The torture modules of memory and data.
import { torture_suite } from './torture-suite.js';

torture_suite('memory');

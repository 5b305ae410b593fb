// `npm run build`: installs what is missing and builds, also when nothing seems to have changed.
import { prepare } from './lib.mjs';

process.exitCode = prepare({ force: true }) ? 0 : 1;

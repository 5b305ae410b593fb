// A module in either language, from the path that a user gives. Host code.
import { isC, loadC, type CModule } from '../cc/compile.js';
import { compileModule, type CompiledModule, type CompileOptions } from './compile.js';

/** What Machine.insmod takes. */
export type LoadableModule = CompiledModule | CModule;

/** Compiles, or reads a .ko. Throws SourceErrors, CErrors, UsageError, EnvironmentFailure. */
export const loadModule = (file: string, options: CompileOptions = {}): Promise<LoadableModule> =>
  isC(file) ? loadC(file) : compileModule(file, options);

// What the lint rules ask TypeScript, through the services of typescript-eslint's parser. TypeScript itself is not
// imported: the user's copy made the types, and its numbers for flags may differ from ours.
import type { Rule } from 'eslint';
import type { Node as TsNode, Program, Type, TypeChecker } from 'typescript';

/** An ESTree node as a rule gets it. */
export type LintNode = Rule.Node;

/** The type questions that the rules have. */
export interface Types {
  readonly checker: TypeChecker;
  of(node: LintNode): Type;
  /** The type that the place of an expression wants. */
  wanted(node: LintNode): Type | undefined;
}

interface Services {
  program?: Program | null;
  esTreeNodeToTSNodeMap?: { get(node: unknown): TsNode };
}

/** Asks the parser; an error that says what to configure if it has no types. */
export function typesFor(context: Rule.RuleContext): Types {
  const services = context.sourceCode.parserServices as Services;
  const { program, esTreeNodeToTSNodeMap: nodes } = services;
  if (!program || !nodes)
    throw new Error(
      `lockstep's rule ${context.id} needs types: use typescript-eslint's parser with parserOptions.projectService`,
    );
  const checker = program.getTypeChecker();
  return {
    checker,
    of: (node) => checker.getTypeAtLocation(nodes.get(node)),
    wanted: (node) => checker.getContextualType(nodes.get(node) as never),
  };
}

/** The members of a union, or the type alone. */
export const parts = (type: Type): Type[] => (type.isUnion() ? type.types : [type]);

/** A generator, which is what a call of a function that may sleep gives: `Sleeping<T>` is a name for one. */
export const isSleeping = (type: Type): boolean => parts(type).some((t) => t.getSymbol()?.name === 'Generator');

/** `void` itself. By its name: printing a type needs a host that a single run of the linter has not. */
export const isVoid = (type: Type): boolean => (type as { intrinsicName?: string }).intrinsicName === 'void';

/** A view of something in the machine's memory. */
export const isView = (type: Type): boolean => {
  const members = parts(type).filter(
    (t) => !/^(null|undefined)$/.test((t as { intrinsicName?: string }).intrinsicName ?? ''),
  );
  return members.length > 0 && members.every((t) => t.getProperty('@addr') !== undefined);
};

/** True for files that import the kernel's headers: the rules about kernel code leave all others alone. */
export const isKernelCode = (context: Rule.RuleContext): boolean =>
  context.sourceCode.ast.body.some(
    (s) => s.type === 'ImportDeclaration' && /^lockstep\/linux\//.test(String(s.source.value)),
  );

// The little of the browser's interface that the page's script uses. TypeScript's own declarations would put all of it
// into the scope of kernel code too.
export interface Style {
  setProperty(name: string, value: string): void;
}
export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
  width: number;
  height: number;
}
export interface Key {
  key: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  target: Element | null;
  preventDefault(): void;
}
export interface Element {
  id: string;
  textContent: string;
  innerHTML: string;
  hidden: boolean;
  checked: boolean;
  tagName: string;
  scrollTop: number;
  readonly dataset: Record<string, string | undefined>;
  readonly classList: {
    toggle(name: string, on?: boolean): void;
    add(name: string): void;
    contains(name: string): boolean;
  };
  readonly style: Style;
  readonly clientHeight: number;
  readonly offsetTop: number;
  readonly offsetHeight: number;
  setAttribute(name: string, value: string): void;
  closest(selector: string): Element | null;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
  getBoundingClientRect(): Rect;
  focus(options?: { preventScroll: boolean }): void;
  addEventListener(type: string, f: (event: Key) => void): void;
}
export interface Page {
  readonly documentElement: Element;
  getElementById(id: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
  addEventListener(type: string, f: (event: Key) => void): void;
}
export interface Browser {
  readonly innerHeight: number;
  readonly navigator: { clipboard?: { writeText(text: string): Promise<void> } };
  addEventListener(type: string, f: () => void): void;
  scrollBy(options: { top: number; behavior?: 'smooth' | 'auto' }): void;
  getSelection(): { selectAllChildren(of: Element): void } | null;
}

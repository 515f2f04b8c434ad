// Elements from data. Whatever comes as text stays text: there is no way from here to HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, and children that are nodes or text; null and false children are left out. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    set(element, name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) {
    return;
  }
  if (name.startsWith("on")) {
    element.addEventListener(name.slice(2), value);
  } else if (name.startsWith("--")) {
    element.style.setProperty(name, value); // by the CSSOM: the page's policy forbids style attributes
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Put children in the place of what is there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child instanceof Node || child));
}

/** Tell who listens rather than looks. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

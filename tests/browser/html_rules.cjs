// The HTML standard, what WCAG asks of markup, and the document as a whole; what is left out is said why.
module.exports = {
  root: true,
  extends: ["html-validate:standard", "html-validate:a11y", "html-validate:document"],
  rules: {
    // Rows of a table are laid out as cards on a phone, and a browser then forgets what the tags say.
    "no-redundant-role": "off",
    "prefer-native-element": "off",
    // Titles begin with the municipality; how a search engine cuts them is no fault of the page.
    "long-title": "off",
  },
};

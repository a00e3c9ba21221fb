// Package sheet owns records as rows of a spreadsheet: the empty table that a clerk fills
// in with Excel or LibreOffice, and what becomes of it. It never publishes and never
// judges a record: a row becomes the JSON that protocol/record judges, and faults come
// back with the column they are about.
//
// A table is a CSV file. The first row names the fields ("title.ko", "window.from"), a
// second one that begins with # says them in words and is passed over. Cells hold codes
// or their labels in any of the four languages, lists are separated by semicolons or
// new lines, and days may be written as Korean and Japanese spreadsheets write them.
// Read takes what Excel saves: UTF-8 with or without its mark, UTF-16, and the older
// encodings of Korean and Western Windows; commas, semicolons or tabs.
package sheet

"""Mappings of the usual shapes of form, for tests of many modules."""

from pathlib import Path

from worlds import Made, convert, mapping

WIDE = """
data_set: FORM_M
source:
  header: {anchor: line, rows: 2, skip: column_numbers}
  ends: {words: [Rahbar, Директор]}
columns:
  line: [Satr kodi, Код строки]
  label: [Koʻrsatkich, Показатель]
  total: [Jami, Итого]
  male: [Erkak, Мужчины]
  female: [Ayol, Женщины]
org_unit: {cell: {right_of: [Muassasa kodi, Код учреждения]}, match: code, prefix: HRM_}
period: {cell: {right_of: [Davr, Период]}, type: Monthly}
data_element: {column: line, crosswalk: lines.csv, confirm: label}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
  AGE: {header: 2}
cells: {"-": zero, x: not_applicable}
"""
LINES = """
line | data_element | label_uz   | label_ru
01   | VISITS       | Qatnovlar  | Посещения
02   | DEATHS       | Oʻlimlar   | Умерло
03   | BEDS         | Oʻrinlar   | Койки
04   | RATE         | Stavkalar  | Ставки
05   | POSTS        | Lavozimlar | Должности
"""
LONG = """
data_set: FORM_M
org_unit: {column: facility, match: code}
period: {column: period, type: Monthly}
data_element: {column: line, match: code}
category_options: {SEX: {column: sex}, AGE: {column: age}}
value: {column: value}
"""
# Each row is a line of SEX only, with its total beside it.
NARROW = """
data_set: FORM_M
source: {header: {anchor: line}}
columns: {line: Satr kodi, total: Jami, male: Erkak, female: Ayol}
org_unit: {constant: HRM_101, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: line, match: code}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
cells: {"-": zero, x: not_applicable}
"""
# Facilities in rows, one line of the default combo each column.
FACILITIES = """
data_set: FORM_M
source: {header: {anchor: facility}}
columns: {facility: Muassasa}
org_unit: {column: facility, match: name}
period: {constant: "202609", type: Monthly}
data_element: {header: 1, match: code}
"""


def wide(folder: Path, form: str) -> Made:
    """Converts a drawn form by `WIDE`."""
    return convert(folder, form, mapping(WIDE, folder, lines=LINES))

# cmake -DFILES=a.sql;b.sql -DOUTPUT=migrations.c -P embed.cmake
# An array of bytes rather than a string literal: compilers need not take long ones.
set(bodies "")
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  if(NOT name MATCHES "^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$")
    message(FATAL_ERROR "${file}: a migration is called NNNN_name.sql")
  endif()
  string(REGEX REPLACE "^0*([0-9]+)_.*" "\\1" number ${name})
  file(SHA256 ${file} sha256)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND bodies "static const unsigned char sql_${name}[] = {\n${hex}\n0x00};\n\n")
  string(APPEND entries
         "    {${number}, \"${name}\", \"${sha256}\", (const char *)sql_${name}},\n")
endforeach()
file(WRITE ${OUTPUT}.new "#include \"sql/migrations.h\"\n\n${bodies}"
     "const struct dg_migration dg_migrations[] = {\n${entries}};\n"
     "const size_t dg_n_migrations = sizeof dg_migrations / sizeof dg_migrations[0];\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
